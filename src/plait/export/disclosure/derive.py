"""What follows from figures that add up: each unknown one between two bounds, by elimination and by bounding sum after sum."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

Name = TypeVar("Name", bound="Hashable")

_SWEEPS = 100
"""Times that all sums are gone through, at most."""


@dataclass(frozen=True, slots=True)
class Equation:
    """That figures add up.

    Attributes:
        total: Name of the figure that is the sum.
        parts: Names of the figures.
    """

    total: Hashable
    parts: Sequence[Hashable]


def derivable(cells: Mapping[Name, int | None], equations: Sequence[Equation], width: int) -> list[Name]:
    """Give the unknown figures, none of them below 0, that are known to within less than a width.

    Args:
        cells: Figures by name; None is an unknown one.
        equations: How they add up.
        width: The width.
    """
    unknown = [name for name, count in cells.items() if count is None]
    place: dict[Hashable, int] = {name: number for number, name in enumerate(unknown)}
    known: Mapping[Hashable, int | None] = dict(cells.items())
    rows = []
    for one in equations:
        row = [Fraction(0)] * (len(unknown) + 1)
        for name, sign in ((one.total, -1), *((part, 1) for part in one.parts)):
            if name in place:
                row[place[name]] += sign
            else:
                row[-1] -= sign * (known.get(name) or 0)
        if any(row[:-1]):
            rows.append(row)
    low: list[Fraction] = [Fraction(0)] * len(unknown)
    high: list[Fraction | None] = [None] * len(unknown)
    every = rows + _reduced([list(row) for row in rows])
    for _ in range(_SWEEPS):
        if not sum(_narrow(row, low, high) for row in every):
            break
    return [name for number, name in enumerate(unknown) if (most := high[number]) is not None and most - low[number] < width]


def _reduced(rows: list[list[Fraction]]) -> list[list[Fraction]]:
    """Give equations in reduced row echelon form (Gauss and Jordan)."""
    done = 0
    for column in range(len(rows[0]) - 1 if rows else 0):
        pivot = next((number for number in range(done, len(rows)) if rows[number][column]), None)
        if pivot is None:
            continue
        rows[done], rows[pivot] = rows[pivot], rows[done]
        rows[done] = [value / rows[done][column] for value in rows[done]]
        for number, row in enumerate(rows):
            if number != done and row[column]:
                rows[number] = [value - row[column] * other for value, other in zip(row, rows[done], strict=True)]
        done += 1
    return rows[:done]


def _narrow(row: Sequence[Fraction], low: list[Fraction], high: list[Fraction | None]) -> bool:
    """Narrow the bounds of the figures in an equation by those of the others, and tell whether that narrowed any."""
    used = [(place, weight) for place, weight in enumerate(row[:-1]) if weight]
    is_narrower = False
    for place, weight in used:
        least, most = _rest(row[-1], [(other, w) for other, w in used if other != place], low, high)
        for end, is_lower in ((least, weight > 0), (most, weight < 0)):
            if end is None:
                continue
            bound, known = end / weight, high[place]
            if is_lower and bound > low[place]:
                low[place], is_narrower = bound, True
            elif not is_lower and (known is None or bound < known):
                high[place], is_narrower = bound, True
    return is_narrower


def _rest(
    known: Fraction, others: Sequence[tuple[int, Fraction]], low: Sequence[Fraction], high: Sequence[Fraction | None]
) -> tuple[Fraction | None, Fraction | None]:
    """Give the least and the most that an equation leaves for one figure; None where there is no end."""
    least: Fraction | None = known
    most: Fraction | None = known
    for place, weight in others:
        top = high[place]
        bottom = weight * low[place]
        above = None if top is None else weight * top
        largest, smallest = (above, bottom) if weight > 0 else (bottom, above)
        least = None if least is None or largest is None else least - largest
        most = None if most is None or smallest is None else most - smallest
    return least, most
