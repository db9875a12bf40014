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
_PART = re.compile(r"(?:,? |-)?[^\s,]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Attributes:
        name: What the report calls it.
        kind: What stands in the place of what it finds.
        needs: Of which a text, in small letters, must have one.
        pattern: What it looks for.
        has_part: Whether a group of the pattern is what is replaced.
        is_soft: Whether a name that begins with a common word is none.
    """

    name: str
    kind: str
    needs: tuple[str, ...]
    pattern: re.Pattern[str]
    has_part: bool
    is_soft: bool

    def find(self, text: str, small: str) -> Iterator[Span]:
        """Yield what it finds in a text, which is also given in small letters."""
        if self.needs and not any(need in small for need in self.needs):
            return
        for match in self.pattern.finditer(text):
            start, end = match.span("it") if self.has_part else match.span()
            if start < 0:
                start, end = match.span()
            if self.kind == "name":
                end = _end_of_name(text, start, end, is_soft=self.is_soft)
            if end > start:
                yield Span(start, end, self.kind, self.name)


def _end_of_name(text: str, start: int, end: int, *, is_soft: bool) -> int:
    """Give where a name ends: at a common word that is not its first, or before it begins where that may not be one."""
    for place, match in enumerate(_PART.finditer(text, start, end)):
        if match[0].strip(" ,.-").lower() in common_words() and (place > 0 or is_soft):
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
        pattern = re.compile(_filled(row["pattern"], terms), 0 if row.get("case", True) else re.IGNORECASE)
        found.append(Rule(row["rule"], row["kind"], tuple(row.get("needs", ())), pattern, "it" in pattern.groupindex, bool(row.get("soft"))))
    return tuple(found)


def _filled(pattern: str, terms: dict[str, str]) -> str:
    """Give a pattern with what its terms stand for."""
    return _TERM.sub(lambda match: terms[match[1]], pattern)
