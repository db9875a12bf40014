"""Small cells: what is told of fewer persons than the smallest cell is not told, nor what would give it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def suppressed(counts: Sequence[int], min_cell: int) -> list[int | None]:
    """Give the counts of one breakdown, whose total is told too, with None for those that are not.

    A count below the smallest cell is not told (nothing is said by a 0, which is). So that the total does not give it away, the next
    larger ones follow until at least two are left out and these sum up to the smallest cell (complementary suppression; A. Hundepool
    et al., Statistical Disclosure Control, 2012, section 4.3). Counts are suppressed before anything is rounded.

    >>> suppressed([3, 40, 57, 0], 11)
    [None, None, 57, 0]
    >>> suppressed([20, 30], 11)
    [20, 30]
    """
    hidden = {place for place, count in enumerate(counts) if 0 < count < min_cell}
    if hidden:
        larger = sorted((count, place) for place, count in enumerate(counts) if count >= min_cell)
        while larger and (len(hidden) < 2 or sum(counts[place] for place in hidden) < min_cell):  # noqa: PLR2004 - one alone is the total less the others
            hidden.add(larger.pop(0)[1])
    return [None if place in hidden else count for place, count in enumerate(counts)]
