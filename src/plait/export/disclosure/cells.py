"""Small cells: what is told of fewer persons than the smallest cell is not told, nor what would give it away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


_UNBOUNDED = 3
"""What linprog answers where there is no end."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A figure that is the sum of others, as whoever reads the figures knows.

    Attributes:
        total: Its place among the counts.
        parts: The places of the others.
    """

    total: int
    parts: tuple[int, ...]


def is_small(count: int, min_cell: int) -> bool:
    """Tell whether a count is of too few to be told; nothing is said by a 0."""
    return 0 < count < min_cell


def suppressed(counts: Sequence[int], min_cell: int) -> list[int | None]:
    """Give the counts of one breakdown, whose total is told too, with None for those that are not.

    >>> suppressed([3, 40, 57, 0], 11)
    [None, None, 57, 0]
    >>> suppressed([20, 30], 11)
    [20, 30]
    """
    told = protected([*counts, sum(counts)], [Sum(len(counts), tuple(range(len(counts))))], min_cell, fixed=(len(counts),))
    return told[:-1]


def protected(
    counts: Sequence[int],
    sums: Sequence[Sum],
    min_cell: int,
    *,
    small: Iterable[int] = (),
    fixed: Collection[int] = (),
    unseen: Collection[int] = (),
) -> list[int | None]:
    """Give counts that add up in known ways, with None for those that are not told, so that no one of these can be worked out from the others.

    A count below the smallest cell is not told. As long as what is told narrows one that is not to fewer values than the smallest cell has persons,
    the least of the counts that narrow it is not told either: complementary suppression by linear programming (A. Hundepool et al., Statistical
    Disclosure Control, 2012, section 4.4), where it is known that no count that is not told is 0. Counts are suppressed before anything is rounded.

    Args:
        counts: Whole numbers, none below 0.
        sums: Which of them are sums of which others.
        min_cell: The smallest cell.
        small: Places of further counts that are not to be told.
        fixed: Places of counts that are told elsewhere, too: they are not suppressed, unless they are small themselves.
        unseen: Places of counts that are not told in any case, but that others are the sums of; they may be 0. Only small ones are protected.

    Raises:
        ExportError: What is told elsewhere gives a small cell away.
    """
    secret = {place for place, count in enumerate(counts) if is_small(count, min_cell)} | {*small}
    waiting = sorted(secret)
    hidden = {*waiting, *unseen}
    totals = {one.total for one in sums}
    while waiting:
        place = waiting[0]
        touching, linked = _linked(place, sums, hidden)
        floors = {each: int(each not in unseen) for each in linked}
        added = None
        if _width(place, counts, touching, floors, hidden) < min_cell:
            added = _complement(place, counts, touching, totals, hidden, fixed)
            if added is None and _width(place, counts, touching, dict.fromkeys(linked, 0), hidden) < min_cell:
                if place not in secret:  # it was left out for others' sake, and follows all the same: it is told, and others are left out
                    return protected(counts, sums, min_cell, small=secret, fixed={*fixed, place}, unseen=unseen)
                raise ExportError("figures", expected="none that give a small cell away", got="a total that does", todo="Raise policy.min_cell.")
        if added is None:  # what is suppressed later only widens it
            alike = linked if len(touching) == 1 else {place}  # in a sum by itself, all are as wide
            waiting = [each for each in waiting if each != place and each not in alike]
            continue
        hidden.add(added)
        waiting.append(added)
    return [None if place in hidden else count for place, count in enumerate(counts)]


def _width(place: int, counts: Sequence[int], touching: Sequence[Sum], floors: Mapping[int, int], hidden: Collection[int]) -> float:
    """Give by how much what is told leaves a count open that is not told: the most less the least that it could be, where none is below its floor."""
    if not touching:
        return float("inf")
    if len(touching) == 1:
        return _within_one(touching[0], counts, floors, hidden)
    return _by_programming(place, counts, touching, floors)


def _linked(place: int, sums: Sequence[Sum], hidden: Collection[int]) -> tuple[list[Sum], set[int]]:
    """Give the sums that narrow a count, and the counts that are not told in them: its own sums, and those that these share such counts with."""
    linked, touching = {place}, dict[int, Sum]()
    while True:
        before = len(touching)
        for number, one in enumerate(sums):
            if number not in touching:
                open_ones = {each for each in (one.total, *one.parts) if each in hidden}
                if open_ones & linked:
                    touching[number] = one
                    linked |= open_ones
        if len(touching) == before:
            return list(touching.values()), linked


def _within_one(one: Sum, counts: Sequence[int], floors: Mapping[int, int], hidden: Collection[int]) -> float:
    """Give the width of a count that only one sum narrows."""
    open_parts = [part for part in one.parts if part in hidden]
    if one.total in hidden:
        return float("inf") if open_parts else 0.0
    if len(open_parts) == 1:
        return 0.0
    return float(sum(counts[part] - floors[part] for part in open_parts))


def _by_programming(place: int, counts: Sequence[int], sums: Sequence[Sum], floors: Mapping[int, int]) -> float:
    """Give the width of a count that several sums narrow, by linear programming."""
    import numpy as np
    from scipy.optimize import linprog

    column = {each: number for number, each in enumerate(sorted(floors))}
    weights, known = np.zeros((len(sums), len(column))), np.zeros(len(sums))
    for row, one in enumerate(sums):
        for each, sign in ((one.total, 1.0), *((part, -1.0) for part in one.parts)):
            if each in column:
                weights[row, column[each]] += sign
            else:
                known[row] -= sign * counts[each]
    wanted = np.zeros(len(column))
    ends = []
    for sign in (1.0, -1.0):
        wanted[column[place]] = sign
        solved = linprog(wanted, A_eq=weights, b_eq=known, bounds=[(floors[each], None) for each in column], method="highs")
        if solved.status == _UNBOUNDED:
            return float("inf")
        ends.append(sign * solved.fun)
    return round(float(ends[1] - ends[0]), 6)


def _complement(
    place: int, counts: Sequence[int], touching: Sequence[Sum], totals: Collection[int], hidden: Collection[int], fixed: Collection[int]
) -> int | None:
    """Give the count that is not told next: the least that stands in a sum with this one, or in one that is linked with it; None where none is left.

    A total is told before its parts are.
    """
    own = [one for one in touching if place in {one.total, *one.parts}]
    for are_totals, near in ((False, own), (False, touching), (True, own), (True, touching)):
        found = {each for one in near for each in (one.total, *one.parts) if counts[each] and each not in hidden and each not in fixed}
        if chosen := [each for each in found if (each in totals) == are_totals]:
            return min(chosen, key=lambda each: (counts[each], each))
    return None
