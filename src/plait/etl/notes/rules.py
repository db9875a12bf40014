"""The extractor `rules`: names of the vocabulary, measured values and what oncology writes, with what the words around them say. No model."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from plait.etl.manifest import digest_of
from plait.etl.notes.codes import Codes
from plait.etl.notes.context import Context
from plait.etl.notes.dictionary import Dictionary, dictionary_key, make_dictionary, need_automaton
from plait.etl.notes.extractor import LONGEST, Finding
from plait.etl.notes.headings import Sections
from plait.etl.notes.lexicon import Lexicon, rows_of
from plait.etl.notes.oncology import oncology
from plait.etl.notes.values import Reading, amount_at, reading, readings, with_amount
from plait.etl.notes.variants import variants
from plait.etl.notes.words import Signs, Words
from plait.etl.own_code import code_digest
from plait.etl.vocabulary import read_release

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from plait.etl.notes.extractor import Asked
    from plait.etl.notes.lexicon import Hits

DOMAINS = ("Condition", "Drug", "Procedure", "Measurement", "Observation", "Device")
"""Domains whose concepts the dictionary has, unless a study says otherwise."""

VERSION = "1"

_VALUED = frozenset({"value"})


class RulesOptions(BaseModel):
    """What the extractor may be told.

    Attributes:
        domains: Domains whose concepts the dictionary has; the first goes first where a name means concepts of several.
        unmapped: Whether names of concepts without a standard one count, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    domains: tuple[str, ...] = Field(default=DOMAINS, min_length=1)
    unmapped: bool = False


class RulesExtractor:
    """Reads texts by rules; what it looks up in is made when the first text comes.

    Args:
        asked: The study's declaration, vocabulary and cache.
        options: What is declared.
    """

    def __init__(self, asked: Asked, options: RulesOptions) -> None:
        need_automaton(asked.where)
        self._asked, self._options = asked, options

    @cached_property
    def _key(self) -> str:
        return dictionary_key(read_release(self._asked.vocabulary).digest, self._options.domains, unmapped=self._options.unmapped)

    @cached_property
    def extractor_id(self) -> str:
        """A name that changes with the rules, their lists, the vocabulary and the options."""
        return f"{self._asked.declared.called}-{digest_of([VERSION, self._key, code_digest(('plait.etl.notes', None))])[:16]}"

    @property
    def system(self) -> str:
        """What NOTE_NLP calls it."""
        return f"plait {self._asked.declared.called} {VERSION} {self.extractor_id.rpartition('-')[2]}"

    def prepare(self) -> None:
        """Make the dictionary, unless it is there: before several processes want it."""
        self._asked.cache.mkdir(parents=True, exist_ok=True)
        make_dictionary(self._asked.vocabulary, self._dictionary_file, self._options.domains, unmapped=self._options.unmapped)

    @property
    def _dictionary_file(self) -> Path:
        return self._asked.cache / f"dictionary-{self._key}.parquet"

    @cached_property
    def _reader(self) -> RulesReader:
        self.prepare()
        return RulesReader(Codes(self._asked.vocabulary), self._dictionary_file)

    def extract(self, texts: Sequence[str]) -> list[list[Finding]]:
        """Give the findings of each text, in order of their place."""
        return [self._reader.read(text) for text in texts]


class RulesReader:
    """The lists and the dictionary, ready to read with.

    Args:
        codes: Concepts of the codes in the lists.
        dictionary: File of the names.
    """

    def __init__(self, codes: Codes, dictionary: Path) -> None:
        self._signs = Signs()
        self._codes = codes
        self._lexicon = Lexicon(self._signs)
        self._dictionary = Dictionary(dictionary, self._signs)
        self._sections = {row["code"]: codes.of(row["code"]).concept_id for row in rows_of("sections") if row["code"]}

    def read(self, text: str) -> list[Finding]:
        """Give the findings of a text, in order of their place."""
        words = Words(text, self._signs)
        if not words.starts:
            return []
        hits = self._lexicon.find(words)
        valued = self._valued(words, hits)
        taken = Taken(valued)
        named = list(self._named(words, taken))
        context = Context(words, (hit for hit in hits.triggers if not taken.overlaps(hit.first, hit.after)))
        sections = Sections(words, hits.sections, self._sections)
        found = [_said(one, context, sections) for one in (*valued, *named) if one.finding.end - one.finding.start <= LONGEST]
        return sorted(found, key=lambda one: (one.start, one.end, one.concept_id, one.modifiers))

    def _valued(self, words: Words, hits: Hits) -> list[Reading]:
        """Give what was measured, staged and sequenced."""
        found = oncology(words, hits.cues, self._codes) + variants(words, hits.cues)
        taken = Taken(found)
        for hit in hits.measures:
            found += [one for one in readings(words, hit, self._codes) if not taken.overlaps(one.first, one.after)]
        return found

    def _named(self, words: Words, taken: Taken) -> Iterable[Reading]:
        """Yield the names that stand in a text, those of measurements with the number that follows."""
        names = self._dictionary
        for first, after, row in names.find(words):
            if taken.overlaps(first, after):
                continue
            modifiers = (("candidates", str(names.candidates[row])),) if names.candidates[row] > 1 else ()
            for target, domain in zip(names.targets[row] or (0,), names.domains[row], strict=True):
                finding = Finding(words.starts[first], words.ends[after - 1], target, names.concept_ids[row], domain, modifiers=modifiers)
                amount = amount_at(words.text, finding.end) if finding.domain == "Measurement" else None
                yield reading(words, first, finding if amount is None else with_amount(finding, amount, self._codes))


class Taken:
    """Words that findings of a form of their own stand in: no name and no trigger is looked for within them."""

    def __init__(self, found: Iterable[Reading]) -> None:
        spans = sorted({(one.first, one.after) for one in found})
        self._firsts = [first for first, _ in spans]
        self._afters: list[int] = []
        for _, after in spans:
            self._afters.append(max(after, self._afters[-1] if self._afters else 0))

    def overlaps(self, first: int, after: int) -> bool:
        """Tell whether one of the words is taken."""
        place = bisect_right(self._firsts, after - 1) - 1
        return place >= 0 and self._afters[place] > first


def _said(one: Reading, context: Context, sections: Sections) -> Finding:
    """Give a finding with its section and what is said of it.

    A number or a stage is there: what negates in its sentence is about something else. Whose it is, and when, is said of it as of others.
    """
    finding = one.finding
    section, implied = sections.at(finding.start)
    status = context.of(one.first, one.after, implied)
    if any(key in _VALUED for key, _ in finding.modifiers):
        kept = tuple((key, value) for key, value in status.modifiers if key in {"subject", "conditional"})
        exists = status.subject == "patient" and status.temporal != "hypothetical"
        status = replace(status, exists=exists, is_certain=True, modifiers=kept)
    return replace(
        finding,
        section_concept_id=section,
        exists=status.exists,
        temporal=status.temporal,
        subject=status.subject,
        is_certain=status.is_certain,
        modifiers=(*status.modifiers, *finding.modifiers),
    )


def open_extractor(asked: Asked) -> RulesExtractor:
    """Open the extractor that a study declares."""
    return RulesExtractor(asked, asked.options(RulesOptions))
