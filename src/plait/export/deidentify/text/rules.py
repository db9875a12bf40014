"""The rules of `rules.yaml`: what identifies by how it is written."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from plait.export.deidentify.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_TERM = re.compile(r"\{([A-Z]+)\}")
_DIGITS = re.compile(r"\d+")
_WORDED = frozenset({"name", "place"})
"""Kinds that are words with a capital, and end where a word of everyday language begins."""
_AHEAD = 60
"""Signs among which that stands which goes with what a rule finds."""
_PART = re.compile(r"(?:,? |-)?[^\s,]+")


@dataclass(frozen=True, slots=True)
class Seen:
    """A text as rules look at it.

    Attributes:
        text: The text.
        small: The same in small letters, sign for sign.
        digits: How many digits stand in a row in it, at most.
    """

    text: str
    small: str
    digits: int

    @classmethod
    def of(cls, text: str) -> Seen:
        """Give a text as rules look at it."""
        small = text.lower()
        if len(small) != len(text):  # a sign whose small letter is two
            small = "".join(sign.lower() if len(sign.lower()) == 1 else sign for sign in text)
        return cls(text, small, max(map(len, _DIGITS.findall(text)), default=0))


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Attributes:
        name: What the report calls it.
        kind: What stands in the place of what it finds.
        needs: Of which a text, in small letters, must have one.
        digits: How many digits must stand in a row in it.
        label: What stands before it, in small letters; None where nothing must.
        before: What goes with it where it stands before it; None where nothing does.
        pattern: What it looks for.
        is_small: Whether it looks for it in small letters.
        has_part: Whether a group of the pattern is what is replaced.
        is_soft: Whether a name that begins with a common word is none.
    """

    name: str
    kind: str
    needs: tuple[str, ...]
    digits: int
    label: re.Pattern[str] | None
    before: re.Pattern[str] | None
    pattern: re.Pattern[str]
    is_small: bool
    has_part: bool
    is_soft: bool

    def find(self, seen: Seen) -> Iterator[Span]:
        """Yield what it finds in a text."""
        if seen.digits < self.digits or (self.needs and not any(need in seen.small for need in self.needs)):
            return
        for match in self._matches(seen):
            start, end = match.span("it") if self.has_part else match.span()
            if start < 0:
                start, end = match.span()
            if self.before is not None and (ahead := self.before.search(seen.text, max(start - _AHEAD, 0), start)):
                start = ahead.start()
            if self.kind in _WORDED:
                end = _end_of_name(seen.text, start, end, is_soft=self.is_soft)
            if end > start:
                yield Span(start, end, self.kind, self.name)

    def _matches(self, seen: Seen) -> Iterator[re.Match[str]]:
        """Yield what its pattern finds, behind its label if it has one."""
        if self.label is None:
            yield from self.pattern.finditer(seen.small if self.is_small else seen.text)
            return
        for label in self.label.finditer(seen.small):
            if label.start() == 0 or not seen.small[label.start() - 1].isalnum():
                match = self.pattern.match(seen.text, label.end())
                if match is not None:
                    yield match


def _end_of_name(text: str, start: int, end: int, *, is_soft: bool) -> int:
    """Give where a name ends: at a common word that is not its first, or before it begins where that may not be one."""
    for place, match in enumerate(_PART.finditer(text, start, end)):
        word = match[0].strip(" ,.-").lower()
        if len(word) > 1 and word in common_words() and (place > 0 or is_soft):
            return match.start()
    return end


@cache
def common_words() -> frozenset[str]:
    """Give words that notes use without naming anybody."""
    rows = csv.reader((files("plait.etl.notes") / "common_words.csv").read_text(encoding="utf-8").splitlines())
    return frozenset(row[0] for row in list(rows)[1:])


@cache
def rules() -> tuple[Rule, ...]:
    """Give all rules."""
    import yaml

    content = yaml.safe_load((files("plait.export.deidentify.text") / "rules.yaml").read_text(encoding="utf-8"))
    terms: dict[str, str] = {}
    for name, pattern in content["terms"].items():
        terms[name] = _filled(pattern, terms)
    found = []
    for row in content["rules"]:
        label = re.compile(_filled(row["label"], terms)) if "label" in row else None
        pattern = re.compile(_filled(row["pattern"], terms))
        before = re.compile(_filled(row["before"], terms)) if "before" in row else None
        more = (label, before, pattern, bool(row.get("small")), "it" in pattern.groupindex, bool(row.get("soft")))
        found.append(Rule(row["rule"], row["kind"], tuple(row.get("needs", ())), int(row.get("digits", 0)), *more))
    return tuple(found)


def _filled(pattern: str, terms: dict[str, str]) -> str:
    """Give a pattern with what its terms stand for."""
    return _TERM.sub(lambda match: terms[match[1]], pattern)
