"""Which figures of persons a study's page tells: none of too few, and none that would give such a one away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.export.disclosure.cells import is_small, suppressed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Pattern:
    """Rows of a cohort that have the same views.

    Attributes:
        views: The views that are there.
        rows: How many rows.
    """

    views: tuple[str, ...]
    rows: int


def one_told(count: int, min_cell: int) -> int | None:
    """Give a number of persons, None where it is small."""
    return None if is_small(count, min_cell) else count


def told_parts(counts: Sequence[int], min_cell: int) -> list[int | None]:
    """Give the parts of a whole, with None for those that are not told; none of a whole that is small itself.

    >>> told_parts([3, 40, 57], 11)
    [None, None, 57]
    >>> told_parts([0, 40, 57], 11)
    [0, 40, 57]
    >>> told_parts([3, 4], 11)
    [None, None]
    """
    return [None] * len(counts) if is_small(sum(counts), min_cell) else suppressed(counts, min_cell)


def combinations(patterns: Sequence[Pattern], views: Sequence[str], min_cell: int) -> tuple[Pattern, ...]:
    """Give the patterns that are told, the most frequent first.

    How often each view is there is told, too: patterns are left out until those that are not told have enough rows, with and without each view.

    Args:
        patterns: All of them, each once.
        views: The views.
        min_cell: The fewest rows that a figure may be of.
    """
    ordered = sorted(patterns, key=lambda one: (-one.rows, one.views))
    most = sum(one.rows >= min_cell for one in ordered)
    while most and any(is_small(rows, min_cell) for rows in _left_over(ordered[most:], views)):
        most -= 1
    return tuple(ordered[:most])


def _left_over(patterns: Sequence[Pattern], views: Sequence[str]) -> Iterator[int]:
    """Give how many rows have these patterns, and how many of them have each view, and have it not."""
    rows = sum(one.rows for one in patterns)
    yield rows
    for view in views:
        have_it = sum(one.rows for one in patterns if view in one.views)
        yield from (have_it, rows - have_it)
