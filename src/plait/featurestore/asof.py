"""As-of retrieval on two clocks: what had happened by a moment *and* was known by then (DESIGN, section 7).

The observations of a person stand in two orders: as they happened, and as they became known. Beside each in the second order stands
the latest one to have happened among those known so far, so that a question costs one bisection, however long a history is and however
late its records came.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

NONE = -1
"""Where a question has no answer."""

DAY_US = 86_400_000_000
"""Microseconds of a day."""

EVER = np.iinfo(np.int64).min
"""The moment before all others, for a window without a beginning."""

_PAIRS_AT_ONCE = 1 << 22
"""How many pairs of a row and an observation are held in memory at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Observations of many persons, ready to be asked. Times are microseconds since 1970.

    Attributes:
        persons: Every person with observations, ascending, `(n_persons,)`.
        starts: Where each person's observations begin in both orders, and where the last one's end, `(n_persons + 1,)`.
        event: When each happened, ascending within a person, `(n,)`.
        known: When each became known, in the same order, `(n,)`.
        place: Its position in the arrays that the history was made of, in the same order, `(n,)`.
        learnt: When each became known, ascending within a person, `(n,)`.
        latest: The position of the latest to have happened among those learnt so far, in the order of `learnt`, `(n,)`.
        longest_delay: The longest time from an observation to its being known.
    """

    persons: Ints
    starts: Ints
    event: Ints
    known: Ints
    place: Ints
    learnt: Ints
    latest: Ints
    longest_delay: int

    @classmethod
    def of(cls, person_id: Ints, event: Ints, known: Ints | None = None, key: npt.NDArray[np.generic] | None = None) -> Self:
        """Make a history of observations in any order.

        Args:
            person_id: Whose each is, `(n,)`.
            event: When it happened, `(n,)`.
            known: When it became known, `(n,)`; nothing is known before it happens: the later of the two counts. As it happens, if None.
            key: What decides between two that happened and became known at one moment: the greater is the later, `(n,)`; their order if None.
        """
        person_id, event = np.asarray(person_id, np.int64), np.asarray(event, np.int64)
        known = event if known is None else np.maximum(event, np.asarray(known, np.int64))
        place = _order(person_id, event, *(() if known is event else (known,)), *(() if key is None else (key,)))
        person_id, event, known = person_id[place], event[place], known[place]
        first = np.flatnonzero(np.concatenate(([True], person_id[1:] != person_id[:-1]))) if len(place) else np.empty(0, np.int64)
        learnt, latest = known, place
        if np.any((known[1:] < known[:-1]) & (person_id[1:] == person_id[:-1])):
            order = _order(person_id, known)
            learnt = known[order]
            latest = place[np.maximum.accumulate(order)]  # places in the order of events grow from person to person: no maximum crosses over
        delay = int((known - event).max(initial=0))
        return cls(person_id[first], np.append(first, len(place)), event, known, place, learnt, latest, delay)

    def __len__(self) -> int:
        return len(self.place)

    def save(self, folder: Path) -> None:
        """Write the history's arrays into a folder, to be read again with `load`."""
        folder.mkdir(parents=True)
        for part in fields(self):
            np.save(folder / f"{part.name}.npy", np.asarray(getattr(self, part.name), np.int64))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Give a history that was saved; its arrays are memory-mapped, and not to be changed."""
        parts = {part.name: np.load(folder / f"{part.name}.npy", mmap_mode=None if part.name == "longest_delay" else "r") for part in fields(cls)}
        return cls(**{**parts, "longest_delay": int(parts["longest_delay"])})

    def last(self, person_id: Ints, at: Ints) -> Ints:
        """Give the position of the last observation to have happened of those known at each moment `(n_rows,)`, `NONE` where there is none."""
        start, stop = self._of(person_id)
        known = _count_until(self.learnt, start, stop, at)
        return np.where(known > start, self.latest[known - 1], NONE) if len(self) else np.full(len(start), NONE)

    def count(self, person_id: Ints, at: Ints, since: Ints | None = None) -> Ints:
        """Count the observations known at each moment that happened after `since` `(n_rows,)`."""
        start, stop = self._of(person_id)
        known = _count_until(self.learnt, start, stop, at)
        if since is None:
            return known - start
        since = np.minimum(since, at)
        before = _count_until(self.event, start, stop, since)
        counted = known - before  # short of what had happened by `since` and is not known yet: only what came late can be
        if self.longest_delay > 0:
            for rows, pairs in self._within(
                _count_until(self.event, start, before, np.maximum(at, EVER + self.longest_delay) - self.longest_delay - 1), before
            ):
                counted += np.bincount(rows, weights=self.known[pairs] > at[rows], minlength=len(at)).astype(np.int64)
        return counted

    def has_future(self, person_id: Ints, at: Ints) -> Flags:
        """Say of each moment whether something becomes known after it `(n_rows,)`. It tells of the future: for audits only."""
        start, stop = self._of(person_id)
        future: Flags = _count_until(self.learnt, start, stop, at) < stop
        return future

    def pairs(self, person_id: Ints, at: Ints, since: Ints | None = None, *, at_once: int = _PAIRS_AT_ONCE) -> Iterator[tuple[Ints, Ints]]:
        """Give all pairs of a row and an observation that was known at its moment and happened after `since`, some rows at a time.

        Args:
            person_id: The person of each row, `(n_rows,)`.
            at: Its moment, `(n_rows,)`.
            since: Where its window begins, `(n_rows,)`.
            at_once: How many pairs may be held at a time, where one row has not more.

        Yields:
            Places of rows, ascending, and positions of observations; those of one row stand as they happened, then as they became known, then
            by their keys. All of a row come at once.
        """
        start, stop = self._of(person_id)
        stop = _count_until(self.event, start, stop, at)
        if since is not None:
            start = _count_until(self.event, start, stop, since)
        for rows, pairs in self._within(start, stop, at_once):
            is_known = self.known[pairs] <= at[rows]
            yield rows[is_known], self.place[pairs[is_known]]

    def _of(self, person_id: Ints) -> tuple[Ints, Ints]:
        """Give where the observations of each row's person begin and end."""
        person_id = np.asarray(person_id, np.int64)
        if not len(self.persons):
            return np.zeros(len(person_id), np.int64), np.zeros(len(person_id), np.int64)
        group = np.minimum(np.searchsorted(self.persons, person_id), len(self.persons) - 1)
        start = self.starts[group]
        return start, np.where(self.persons[group] == person_id, self.starts[group + 1], start)

    @staticmethod
    def _within(start: Ints, stop: Ints, at_once: int = _PAIRS_AT_ONCE) -> Iterator[tuple[Ints, Ints]]:
        """Give rows and places from `start` to `stop` of each, some rows at a time."""
        lengths = stop - start
        ends = np.cumsum(lengths)
        first = 0
        while first < len(lengths):
            limit = (ends[first - 1] if first else 0) + at_once
            after = max(int(np.searchsorted(ends, limit, side="right")), first + 1)
            counts = lengths[first:after]
            rows = np.repeat(np.arange(first, after), counts)
            begins = np.repeat(start[first:after] - (np.cumsum(counts) - counts), counts)
            yield rows, np.arange(len(rows)) + begins
            first = after


def _order(person_id: Ints, time: Ints, *further: npt.NDArray[np.generic]) -> Ints:
    """Give the stable order by person, time, and what decides where both are equal; sorted on all cores, and seen at once where it is sorted already."""
    import polars as pl

    def sort(**columns: npt.NDArray[np.generic]) -> Ints:
        return pl.DataFrame(columns).with_row_index("row").sort(list(columns), maintain_order=True)["row"].cast(pl.Int64).to_numpy()

    packed = _packed(person_id, time)
    if packed is None:
        return sort(person=person_id, time=time, **{str(number): column for number, column in enumerate(further)})
    order = np.array(sort(packed=packed))  # its own, to be mended below
    packed = packed[order]
    is_tied = np.concatenate(([False], packed[1:] == packed[:-1], [False]))
    is_tied = is_tied[1:] | is_tied[:-1]
    if further and is_tied.any():
        tied = order[is_tied]
        order[is_tied] = tied[sort(packed=packed[is_tied], **{str(number): column[tied] for number, column in enumerate(further)})]
    return order


def _packed(person_id: Ints, time: Ints) -> Ints | None:
    """Give numbers that ascend with person and time, None where 63 bits are too few; one column sorts four times as fast as two."""
    if not len(time):
        return time
    first, step = int(time.min()), 1
    for part in (86_400_000_000, 60_000_000, 1_000_000, 1_000):  # days, minutes, seconds, milliseconds: what times are rounded to
        if not np.any((time - first) % part):
            step = part
            break
    least, span = int(person_id.min()), (int(time.max()) - first) // step + 1
    if (int(person_id.max()) - least + 1) * span > np.iinfo(np.int64).max:
        return None
    return (person_id - least) * span + (time - first) // step


def _count_until(values: Ints, start: Ints, stop: Ints, limit: Ints) -> Ints:
    """Give, of each row, the first place from `start` to `stop` whose value is above the row's limit; values ascend between the two."""
    low, high = start.copy(), stop.copy()
    for _ in range(int((high - low).max(initial=0)).bit_length()):
        middle = (low + high) >> 1
        is_open = low < high
        is_below = is_open & (values[np.minimum(middle, len(values) - 1)] <= limit)
        low = np.where(is_below, middle + 1, low)
        high = np.where(is_open & ~is_below, middle, high)
    return low
