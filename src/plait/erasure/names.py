"""Identifiers that tell of somebody wherever they stand: what is looked for in texts, and taken out of the names of files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.duck import literal
from plait.etl.tombstones import FORGOTTEN, is_telling

if TYPE_CHECKING:
    from collections.abc import Iterable

_AT_ONCE = 200
"""Identifiers that one expression looks for."""


@dataclass(frozen=True, slots=True)
class Telling:
    """Identifiers that tell of some persons: long enough, and nobody else's, nor a part of one.

    Attributes:
        sql_patterns: Expressions of RE2 that find them, whatever the case of letters.
        patterns: The same for Python, in bytes.
    """

    sql_patterns: tuple[str, ...]
    patterns: tuple[re.Pattern[bytes], ...]

    @classmethod
    def of(cls, names: Iterable[str], others: Iterable[str]) -> Telling:
        """Give those of persons.

        Args:
            names: All identifiers of the persons.
            others: Identifiers of everybody else.
        """
        known = {text.casefold() for text in others}
        words = {word for text in known for word in re.split(r"[^0-9a-z]+", text)} | known
        found = {text.strip() for text in names}
        telling = sorted(text for text in found if is_telling(text) and not _is_part(text.casefold(), words, known))
        lots = ["|".join(map(re.escape, telling[start : start + _AT_ONCE])) for start in range(0, len(telling), _AT_ONCE)]
        return cls(
            tuple(rf"(?i)(^|[^0-9A-Za-z])({lot})($|[^0-9A-Za-z])" for lot in lots),
            tuple(re.compile(rf"(?i)(?<![0-9A-Za-z])({lot})(?![0-9A-Za-z])".encode()) for lot in lots),
        )

    def count(self, text: bytes) -> int:
        """Give how often one of them stands in a text."""
        return sum(len(pattern.findall(text)) for pattern in self.patterns)

    def without(self, text: str) -> str:
        """Give a text without them."""
        left = text.encode()
        for pattern in self.patterns:
            left = pattern.sub(FORGOTTEN.encode(), left)
        return left.decode()

    def sql_without(self, column: str) -> str:
        """Give the expression for a column without them."""
        kept = literal(rf"\1{FORGOTTEN}\3")
        for pattern in self.sql_patterns:
            column = f"regexp_replace({column}, {literal(pattern)}, {kept}, 'g')"
        return column


def _is_part(text: str, words: set[str], known: set[str]) -> bool:
    """Tell whether an identifier is a part of one that is somebody else's."""
    if text in words:
        return True
    pattern = re.compile(rf"(?<![0-9a-z]){re.escape(text)}(?![0-9a-z])")
    return any(text in one and pattern.search(one) for one in known)
