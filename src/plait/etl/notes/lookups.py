"""What extractors look things up in, made once in a process: signs, lists, the dictionary, and the concepts of codes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from plait.etl.notes.codes import Codes
from plait.etl.notes.context import Context
from plait.etl.notes.dictionary import Dictionary, dictionary_key, make_dictionary
from plait.etl.notes.headings import Sections
from plait.etl.notes.lexicon import Lexicon, rows_of
from plait.etl.notes.words import Signs
from plait.etl.vocabulary import read_release

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from plait.etl.notes.extractor import Asked, Finding
    from plait.etl.notes.lexicon import Hit, Hits
    from plait.etl.notes.values import Reading
    from plait.etl.notes.words import Words

DOMAINS = ("Condition", "Drug", "Procedure", "Measurement", "Observation", "Device")
"""Domains whose concepts a dictionary has, unless a study says otherwise."""

_VALUED = frozenset({"value"})


@dataclass(frozen=True)
class Names:
    """Which names a dictionary has.

    Attributes:
        asked: The study's declaration, vocabulary and cache.
        domains: Domains whose concepts count.
        unmapped: Whether concepts without a standard one count, too.
    """

    asked: Asked
    domains: tuple[str, ...]
    unmapped: bool

    @cached_property
    def key(self) -> str:
        """What tells the dictionary from others."""
        return dictionary_key(read_release(self.asked.vocabulary).digest, self.domains, unmapped=self.unmapped)

    @property
    def path(self) -> Path:
        """Where it stands, when it is made."""
        return self.asked.cache / f"dictionary-{self.key}.parquet"

    def make(self) -> None:
        """Make it, unless it is there."""
        self.asked.cache.mkdir(parents=True, exist_ok=True)
        make_dictionary(self.asked.vocabulary, self.path, self.domains, unmapped=self.unmapped)

    def open(self) -> Lookups:
        """Make it ready, with all else that is looked up in."""
        self.make()
        return Lookups(Codes(self.asked.vocabulary), self.path)


class Lookups:
    """The lists and the dictionary, ready to read with.

    Args:
        codes: Concepts of the codes in the lists.
        dictionary: File of the names.
    """

    def __init__(self, codes: Codes, dictionary: Path) -> None:
        self.codes = codes
        self.signs = Signs()
        self.lexicon = Lexicon(self.signs)
        self.dictionary = Dictionary(dictionary, self.signs)
        self._sections = {row["code"]: codes.of(row["code"]).concept_id for row in rows_of("sections") if row["code"]}

    def surroundings(self, words: Words, hits: Hits, triggers: Iterable[Hit]) -> Surroundings:
        """Give what stands around the findings of a text."""
        return Surroundings(Context(words, triggers), Sections(words, hits.sections, self._sections))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around findings: triggers and sections."""

    context: Context
    sections: Sections

    def said(self, one: Reading) -> Finding:
        """Give a finding with its section and what is said of it.

        A number or a stage is there: what negates in its sentence is about something else. Whose it is, and when, is said of it as of others.
        """
        finding = one.finding
        section, implied = self.sections.at(finding.start)
        status = self.context.of(one.first, one.after, implied)
        if not (section or status.modifiers) and status.temporal == "present":
            return finding
        modifiers, exists, is_certain = status.modifiers, status.exists, status.is_certain
        if any(key in _VALUED for key, _ in finding.modifiers):
            modifiers = tuple((key, value) for key, value in status.modifiers if key in {"subject", "conditional"})
            exists, is_certain = status.subject == "patient" and status.temporal != "hypothetical", True
        return replace(
            finding,
            section_concept_id=section,
            exists=exists,
            temporal=status.temporal,
            subject=status.subject,
            is_certain=is_certain,
            modifiers=(*modifiers, *finding.modifiers),
        )
