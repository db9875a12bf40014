"""Sections of a note: where they begin, and what stands in them means."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plait.etl.notes.lexicon import Hit
    from plait.etl.notes.words import Words

_MARGIN = re.compile(r"[ \t#*•>\-\d.)(]{0,16}")
_AFTER = re.compile(r"[ \t]*(?:\*\*)?[ \t]*(?::|\r?\n|$)")
_COLON = re.compile(r"[ \t]*:")
_UNKNOWN = re.compile(r"^[ \t]{0,8}(?:#{1,6}[ \t]{1,4}[^\n]{1,80}|[A-Z][A-Z &/,()\-]{2,60}:?[ \t]{0,8}\r?)$", re.MULTILINE)
_LONGEST_MARGIN = 16


def near(text: str, start: int, end: int, reach: int) -> str:
    r"""Give what stands within so many characters of a place, and under the same heading, as far as one is marked or in capitals after a blank line.

    >>> near("# Heart\nvalve of grade 2\n\n# Tumour\ngrade 3", 37, 44, 100)
    '# Tumour\ngrade 3'
    """
    low, high = max(0, start - reach), end + reach
    for match in _UNKNOWN.finditer(text, low, high):
        if _parts(text, match):
            if match.start() > end:
                return text[low : match.start()]
            low = match.start()
    return text[low:high]


def _parts(text: str, match: re.Match[str]) -> bool:
    """Tell whether a line that looks like a heading is one."""
    return match.start() == 0 or text.endswith(("\n\n", "\n\r\n"), 0, match.start()) or match[0].lstrip().startswith("#")


class Sections:
    """The sections of a text.

    A header is one of plait's list that stands alone on its line or has a colon, at the beginning of a line or in capitals anywhere; or a line that
    is marked as a heading, or in capitals after a blank line, of which nothing is known but that another section begins.

    Args:
        words: The text's words.
        headers: What of the list stands in it.
        concepts: Concept ids of the LOINC codes in the list.
    """

    def __init__(self, words: Words, headers: Iterable[Hit], concepts: Mapping[str, int]) -> None:
        text = words.text
        found: dict[int, tuple[int, str]] = {}
        for match in _UNKNOWN.finditer(text):
            if _parts(text, match):
                found[match.start()] = (0, "")
        for first, after, entry in headers:
            start, end = words.starts[first], words.ends[after - 1]
            line = text.rfind("\n", max(0, start - _LONGEST_MARGIN - 1), start) + 1
            begins = (line > 0 or start <= _LONGEST_MARGIN) and _MARGIN.fullmatch(text, line, start)
            if (begins and _AFTER.match(text, end)) or (text[start:end].isupper() and _COLON.match(text, end)):
                code, implied = entry.content
                found.pop(line, None)
                found[start] = (concepts.get(code, 0), implied)
        self._starts = sorted(found)
        self._content = [found[start] for start in self._starts]

    def at(self, place: int) -> tuple[int, str]:
        """Give (concept of the section, the category that it implies) at a character."""
        section = bisect_right(self._starts, place) - 1
        return self._content[section] if section >= 0 else (0, "")
