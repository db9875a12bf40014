"""Splits keep persons whole, stay as they are, and follow from who a person is."""

from __future__ import annotations

import datetime as dt
import json
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.errors import CohortError, ConfigError
from plait.featurestore.index import as_index
from plait.featurestore.splits import Split, make_split
from tiny_table import make_table

if TYPE_CHECKING:
    from pathlib import Path

    from plait.featurestore.index import Index

TABLE = make_table(persons=200)
RULES: tuple[dict[str, Any], ...] = (
    {"valid": 0.1, "seed": 7},
    {"valid": 0.1, "by_site": True},
    {"valid": 0.1, "stratify": "died"},
    {"stratify": "days"},
    {"by_time": ("2021-01-01", "2022-01-01")},
)


def rows_of(persons: list[int]) -> Index:
    return as_index(pl.DataFrame({"person_id": persons, "prediction_time": [dt.date(2020, 1, 1)] * len(persons)}))


@pytest.mark.parametrize("rule", RULES)
def test_persons_are_whole_and_the_same_rule_gives_the_same_split(rule: dict[str, Any]) -> None:
    parts = TABLE.split("patient", **rule)
    persons = [set(part.index.person_id.tolist()) for part in parts]
    assert all(not one & other for one, other in combinations(persons, 2))
    if "by_time" not in rule:
        assert sum(map(len, parts)) == len(TABLE)
    assert [part.part.name for part in parts if part.part] == (["train", "test"] if len(parts) == 2 else ["train", "valid", "test"])
    again = TABLE.take(np.arange(len(TABLE))[::-1]).split("patient", **rule)
    assert [part.part.split.digest for part in parts if part.part] == [part.part.split.digest for part in again if part.part]


@settings(max_examples=25)
@given(st.sets(st.integers(1, 2**40), min_size=60, max_size=120), st.sets(st.integers(1, 2**40), max_size=50), st.integers(0, 9))
def test_new_patients_move_nobody(old: set[int], new: set[int], seed: int) -> None:
    before = make_split(rows_of(sorted(old)), test=0.4, seed=seed)
    after = make_split(rows_of(sorted(old | new)), test=0.4, seed=seed)
    for name, persons in before.parts.items():
        assert set(persons.tolist()) == set(after.parts[name].tolist()) & old
    assert before.extended(rows_of(sorted(old | new))).digest == after.digest


@pytest.mark.parametrize("rule", RULES)
def test_a_split_that_is_extended_keeps_who_was_in_it(rule: dict[str, Any]) -> None:
    first = TABLE.take(np.arange(300))
    split = make_split(first.index, **rule)
    longer = split.extended(TABLE.index)
    for name, persons in split.parts.items():
        assert np.isin(persons, longer.parts[name]).all()
    assert sum(map(len, longer.parts.values())) == 200
    with pytest.raises(CohortError, match="extended"):
        TABLE.split(split)
    assert len(TABLE.split(longer)) == len(split.parts)


def test_shares_are_about_those_asked_for() -> None:
    split = make_split(rows_of(list(range(1, 20_001))), test=0.2, valid=0.1)
    assert len(split.parts["test"]) == pytest.approx(4_000, rel=0.05)
    assert len(split.parts["valid"]) == pytest.approx(2_000, rel=0.05)


def test_strata_have_the_same_shares_in_each_part() -> None:
    dead = dict(TABLE.index.frame.group_by("person_id").agg(pl.col("died").max()).iter_rows())
    train, test = TABLE.split("patient", stratify="died")
    share = [np.mean([dead[person] for person in set(part.index.person_id.tolist())]) for part in (train, test)]
    assert share[0] == pytest.approx(share[1], abs=0.02)


def test_sites_are_whole_and_a_person_of_two_sites_joins_them() -> None:
    train, test = TABLE.split("patient", by_site=True)
    sites = [set(part.index.frame["site"]) for part in (train, test)]
    assert not sites[0] & sites[1]
    rows = pl.DataFrame({"person_id": [1, 1, 2, 3, 4, 5], "prediction_time": [dt.date(2020, 1, 1)] * 6, "ward": ["a", "b", "a", "b", "c", "d"]})
    split = make_split(as_index(rows), by_site="ward", test=0.3)
    assert any({1, 2, 3} <= set(persons.tolist()) for persons in split.parts.values())


def test_by_time_judges_by_later_rows_of_persons_who_were_not_learnt_from() -> None:
    train, test = TABLE.split("patient", by_time="2022-01-01")
    assert train.index.frame["prediction_time"].max() < dt.datetime(2022, 1, 1) <= test.index.frame["prediction_time"].min()  # type: ignore[operator] # noqa: DTZ001


def test_a_split_is_saved_and_checked(tmp_path: Path) -> None:
    split = make_split(TABLE.index, valid=0.1)
    file = tmp_path / "split.json"
    split.save(file)
    assert file.stat().st_mode & 0o077 == 0
    assert Split.read(file).digest == split.digest
    held = json.loads(file.read_text())
    held["parts"]["train"].append(10_000)
    file.write_text(json.dumps(held))
    with pytest.raises(CohortError, match="changed since"):
        Split.read(file)
    held["parts"]["test"].append(10_000)
    file.write_text(json.dumps(held))
    with pytest.raises(CohortError, match="no person in both"):
        Split.read(file)
    file.write_text("{}")
    with pytest.raises(CohortError, match="KeyError"):
        Split.read(file)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"test": 0.0}, "0 < test"),
        ({"test": 0.9, "valid": 0.2}, "test"),
        ({"by_site": True, "stratify": "died"}, "one of by_site"),
        ({"by_time": ["2022-01-01", "2021-01-01"]}, "ascend"),
        ({"by_time": "soon"}, "dates or times"),
        ({"by_time": "01/02/2022"}, "dates or times"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TABLE.split("patient", **rule)


def test_rows_that_a_rule_cannot_split_are_refused() -> None:
    with pytest.raises(ConfigError, match="always whole"):
        TABLE.split("row")
    with pytest.raises(CohortError, match="a column 'ward'"):
        TABLE.split(by_site="ward")
    with pytest.raises(CohortError, match=r"part 'test'.*nobody"):
        make_split(rows_of([1]), test=0.01)
