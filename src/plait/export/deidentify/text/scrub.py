"""Takes out of a note what may identify: known texts, rules, dates, and what a model finds."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plait.export.deidentify.text.dates import KIND as DATE
from plait.export.deidentify.text.dates import Order, Shift
from plait.export.deidentify.text.own import Own
from plait.export.deidentify.text.rules import Seen, rules
from plait.export.deidentify.text.spans import Span, merged, rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufff9-\ufffb]")
"""Signs that nobody sees, and that part a name from itself."""
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_NUL = "\x00"
_BYTE_MARKS = ("ÿþ", "þÿ", "ï»¿")
"""Marks of an encoding, read as Windows-1252."""


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A note without what identifies.

    Attributes:
        text: What is left.
        found: What was found: (kind, rule) → how often.
    """

    text: str
    found: Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Scrubber:
    """What is looked for in notes of whomever.

    Attributes:
        others: Texts of those who treat patients, and of places.
        order: What stands first in the study's dates of three numbers, where a note does not tell.
        tagger: Gives the spans of (start, end, kind) that a model finds; nothing where there is none.
    """

    others: Own = field(default_factory=Own)
    order: Order | None = None
    tagger: Callable[[str], Iterable[tuple[int, int, str]]] | None = None

    def scrub(self, text: str, days: int, own: Sequence[tuple[str, str]] | Own = ()) -> Scrubbed:
        """Give a note without what identifies.

        Args:
            text: The note.
            days: By how many days the person's dates are shifted.
            own: What the study knows the person by: (kind, text).
        """
        plain = readable(text)
        known = own if isinstance(own, Own) else Own.of(own)
        spans = merged(self._spans(plain, days, known))
        found = Counter((span.kind, span.rule) for span in spans)
        if plain != text:
            found["encoding", "unseen-signs"] += 1
        return Scrubbed(rewritten(plain, spans), found)

    def _spans(self, text: str, days: int, own: Own) -> list[Span]:
        seen = Seen.of(text)
        spans = list(own.find(text, self.others))
        dates = list(Shift(days, self.order).find(seen))
        spans += dates
        for rule in rules():
            spans += rule.find(seen)
        if self.tagger is not None:
            spans += [span for span in self._tagged(text) if span.kind != DATE or not _meets(span, dates)]
        return spans

    def _tagged(self, text: str) -> Iterable[Span]:
        assert self.tagger is not None  # noqa: S101 - who asks has one
        return (Span(start, end, kind, "model") for start, end, kind in self.tagger(text))


def readable(text: str) -> str:
    r"""Give a text without what hides its words: NULs between letters (UTF-16 read as bytes), marks of encodings, signs that nobody sees, wide letters.

    >>> readable("J\x00a\x00n\x00e\x00"), readable("Ja\u200bne"), readable("\uff2a\uff41ne")
    ('Jane', 'Jane', 'Jane')
    """
    if text.isascii() and _NUL not in text:
        return text
    plain = text.replace(_NUL, "")
    for mark in _BYTE_MARKS:
        plain = plain.removeprefix(mark)
    return _UNSEEN.sub("", plain).translate(_WIDE)


def _meets(span: Span, others: Sequence[Span]) -> bool:
    """Tell whether a span overlaps one of others."""
    return any(span.start < other.end and other.start < span.end for other in others)
