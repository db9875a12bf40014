"""Places in a text, and what comes in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Span(NamedTuple):
    """A place in a text that is rewritten.

    Attributes:
        start: Its first sign.
        end: Behind its last.
        kind: What it was: `name`, `date`, `phone`, …
        rule: What found it.
        new: What stands there afterwards; `[kind]` if None.
    """

    start: int
    end: int
    kind: str
    rule: str
    new: str | None = None


def merged(spans: Iterable[Span]) -> list[Span]:
    """Give spans in order, those that overlap as one: all that any of them covers is replaced.

    A shifted date stays where nothing that reaches beyond it overlaps; another span within it, which a rule took for something else, goes.

    >>> merged([Span(0, 10, "date", "iso", "2018-01-01"), Span(5, 7, "id", "code")])
    [Span(start=0, end=10, kind='date', rule='iso', new='2018-01-01')]
    >>> merged([Span(0, 10, "date", "iso", "2018-01-01"), Span(5, 12, "id", "code")])
    [Span(start=0, end=12, kind='id', rule='code', new=None)]
    """
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end, one.new is None)):
        last = found[-1] if found else None
        if last is None or span.start >= last.end:
            found.append(span)
        elif span.end > last.end:
            keeps = last if last.new is None else span
            found[-1] = Span(last.start, span.end, keeps.kind, keeps.rule)
    return found


def rewritten(text: str, spans: Sequence[Span]) -> str:
    """Give a text with each of its spans replaced; they are in order and do not overlap."""
    parts, place = [], 0
    for span in spans:
        parts += [text[place : span.start], f"[{span.kind}]" if span.new is None else span.new]
        place = span.end
    return "".join([*parts, text[place:]])
