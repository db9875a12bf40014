"""As-of retrieval against the plainest program that answers the same questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.featurestore.asof import EVER, NONE, History

if TYPE_CHECKING:
    from random import Random


class Observation(NamedTuple):
    person: int
    event: int
    known: int
    key: int


observations = st.lists(
    st.builds(lambda person, event, delay, key: Observation(person, event, event + delay, key), *(st.integers(0, top) for top in (4, 12, 6, 3))), max_size=40
)
rows = st.lists(st.tuples(st.integers(-1, 5), st.integers(-2, 20), st.integers(0, 15)), max_size=20)


def _history(held: list[Observation]) -> History:
    return History.of(*(np.asarray([getattr(one, name) for one in held], np.int64) for name in Observation._fields))


def _window(held: list[Observation], person: int, at: int, since: int) -> list[int]:
    """Places of what was known at a moment and happened after `since`, in the order in which it happened."""
    found = [n for n, one in enumerate(held) if one.person == person and one.known <= at and since < one.event <= at]
    return sorted(found, key=lambda n: (held[n].event, held[n].known, held[n].key, n))


@given(observations, rows)
def test_answers_are_those_of_a_loop_over_all_observations(held: list[Observation], asked: list[tuple[int, int, int]]) -> None:
    history = _history(held)
    person, at, lookback = (np.asarray([row[part] for row in asked], np.int64) for part in range(3))
    since = at - lookback
    ever = [_window(held, p, t, EVER) for p, t, _ in asked]
    windows = [_window(held, p, t, t - back) for p, t, back in asked]
    assert history.last(person, at).tolist() == [found[-1] if found else NONE for found in ever]
    assert history.count(person, at).tolist() == [len(found) for found in ever]
    assert history.count(person, at, since).tolist() == [len(found) for found in windows]
    assert history.has_future(person, at).tolist() == [any(one.person == p and one.known > t for one in held) for p, t, _ in asked]
    paired: list[list[int]] = [[] for _ in asked]
    for places, positions in history.pairs(person, at, since):
        for place, position in zip(places.tolist(), positions.tolist(), strict=True):
            paired[place].append(position)
    assert paired == windows


@given(observations, rows, st.randoms())
def test_what_happens_or_becomes_known_later_changes_nothing(held: list[Observation], asked: list[tuple[int, int, int]], random: Random) -> None:
    for person, at, _ in asked:
        known = [one for one in held if one.known <= at]
        poison = [one for one in held if one.known > at and random.random() < 0.5] + [
            Observation(person, at + 1, at + 1, 9),
            Observation(person, at, at + 3, 9),
        ]
        mixed = [*known, *poison]
        answer = _history(mixed).last(np.asarray([person]), np.asarray([at])).item()
        alone = _history(known).last(np.asarray([person]), np.asarray([at])).item()
        assert (answer == NONE) == (alone == NONE)
        if alone != NONE:
            assert mixed[answer][:3] == known[alone][:3]


@pytest.mark.parametrize("seed", range(3))
def test_without_late_records_it_is_the_merge_asof_of_pandas(seed: int) -> None:
    random = np.random.default_rng(seed)
    held = pd.DataFrame({"person": random.integers(0, 50, 2_000), "time": random.integers(0, 10_000, 2_000)}).sort_values("time", kind="stable")
    held["row"] = np.arange(len(held))
    asked = pd.DataFrame({"person": random.integers(0, 60, 500), "time": random.integers(0, 10_000, 500)}).sort_values("time", kind="stable")
    merged = pd.merge_asof(asked, held, on="time", by="person")
    history = History.of(held["person"].to_numpy(), held["time"].to_numpy())
    assert history.last(asked["person"].to_numpy(), asked["time"].to_numpy()).tolist() == merged["row"].fillna(NONE).astype(int).tolist()
