"""The extractor `rules`: names of the vocabulary, measured values and what oncology writes, with what the words around them say. No model."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from plait.etl.manifest import digest_of
from plait.etl.notes.dictionary import need_automaton
from plait.etl.notes.extractor import LONGEST, Finding
from plait.etl.notes.lookups import DOMAINS, Lookups, Names
from plait.etl.notes.oncology import oncology
from plait.etl.notes.values import Reading, amount_at, reading, readings, with_amount
from plait.etl.notes.variants import variants
from plait.etl.notes.words import Words
from plait.etl.own_code import code_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plait.etl.notes.extractor import Asked
    from plait.etl.notes.lexicon import Hits

VERSION = "1"

_BRACKETS = {")": "(", "]": "["}


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
        self._name = asked.declared.called
        self.names = Names(asked, options.domains, options.unmapped)

    @cached_property
    def extractor_id(self) -> str:
        """A name that changes with the rules, their lists, the vocabulary and the options."""
        return f"{self._name}-{digest_of([VERSION, self.names.key, code_digest(('plait.etl.notes', None))])[:16]}"

    @property
    def system(self) -> str:
        """What NOTE_NLP calls it."""
        return f"plait {self._name} {VERSION} {self.extractor_id.rpartition('-')[2]}"

    def prepare(self) -> None:
        """Make the dictionary, unless it is there: before several processes want it."""
        self.names.make()

    @cached_property
    def lookups(self) -> Lookups:
        """What it looks up in."""
        return self.names.open()

    def extract(self, texts: Sequence[str]) -> list[list[Finding]]:
        """Give the findings of each text, in order of their place."""
        return [read(text, self.lookups) for text in texts]


def read(text: str, lookups: Lookups) -> list[Finding]:
    """Give the findings of a text, in order of their place."""
    words = Words(text, lookups.signs)
    if not words.starts:
        return []
    hits = lookups.lexicon.find(words)
    valued = _valued(words, hits, lookups)
    taken = Taken(valued)
    found = [*valued, *_named(words, taken, lookups)]
    around = lookups.surroundings(words, hits, (hit for hit in hits.triggers if not taken.overlaps(hit.first, hit.after)))
    said = [around.said(one) for one in found if one.finding.end - one.finding.start <= LONGEST]
    return sorted(said, key=lambda one: (one.start, one.end, one.concept_id, one.modifiers))


def _valued(words: Words, hits: Hits, lookups: Lookups) -> list[Reading]:
    """Give what was measured, staged and sequenced."""
    found = oncology(words, hits.cues, lookups.codes) + variants(words, hits.cues)
    taken = Taken(found)
    for hit in hits.measures:
        found += [one for one in readings(words, hit, lookups.codes) if not taken.overlaps(one.first, one.after)]
    return found


def _named(words: Words, taken: Taken, lookups: Lookups) -> Iterable[Reading]:
    """Yield the names that stand in a text, those of measurements with the number that follows."""
    names = lookups.dictionary
    for first, after, row in names.find(words):
        if taken.overlaps(first, after):
            continue
        start, end = words.starts[first], _closed(words.text, words.starts[first], words.ends[after - 1])
        modifiers = (("candidates", str(names.candidates[row])),) if names.candidates[row] > 1 else ()
        for target, domain in zip(names.targets[row] or (0,), names.domains[row], strict=True):
            finding = Finding(start, end, target, names.concept_ids[row], domain, modifiers=modifiers)
            amount = amount_at(words.text, end) if domain == "Measurement" else None
            yield reading(words, first, finding if amount is None else with_amount(finding, amount, lookups.codes))


def _closed(text: str, start: int, end: int) -> int:
    """Give the end of a name with the bracket that closes one within it."""
    bracket = _BRACKETS.get(text[end : end + 1])
    return end + 1 if bracket is not None and text.rfind(bracket, start, end) > text.rfind(text[end], start, end) else end


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


def open_extractor(asked: Asked) -> RulesExtractor:
    """Open the extractor that a study declares."""
    return RulesExtractor(asked, asked.options(RulesOptions))
