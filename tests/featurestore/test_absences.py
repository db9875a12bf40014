"""What a source says was not done is the reason where a value would be: on both clocks, in the window, and never from the future."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.featurestore.aligned import Ragged
from plait.featurestore.sparse import Sparse
from plait.schema.reasons import PRIORITY, SAID_BY_SOURCES, Reason
from tiny_cdm import A, B, C, Cdm, day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plait.featurestore.table import FusionTable

PERSONS = 3
MG = 8576
FEATURE = f"{C}{MG % 1000:03}705"  # MeasurementValueAnyTimePrior
SHORT = f"{C}{MG % 1000:03}708"  # MeasurementValueShortTerm, 30 days


class Fact(NamedTuple):
    person: int
    concept: int
    event: int
    known: int
    row_id: int
    reason: Reason | None


def facts_of(concepts: Sequence[int]) -> st.SearchStrategy[list[Fact]]:
    """Give values, and absences with their reasons."""
    fact = st.builds(
        lambda who, what, when, late, n, why: Fact(who, what, when, when + late, n, why),
        st.integers(1, PERSONS), st.sampled_from(concepts), st.integers(0, 50), st.integers(0, 8), st.integers(0, 1_000),
        st.one_of(st.none(), st.sampled_from(SAID_BY_SOURCES)),
    )  # fmt: skip
    return st.lists(fact, max_size=14, unique_by=lambda one: one.row_id)


rows = st.lists(st.tuples(st.integers(1, PERSONS), st.integers(0, 60)), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def cdm() -> Cdm:
    cdm = Cdm()
    cdm.add("cdm.concept", concept_id=MG, concept_code="mg", concept_name="milligram", vocabulary_id="UCUM", standard_concept="S", domain_id="Unit")
    return cdm


def fill(cdm: Cdm, held: Sequence[Fact]) -> None:
    cdm.empty()
    for person in range(1, PERSONS + 1):
        cdm.add("cdm.person", person_id=person, year_of_birth=1960)
    for one in held:
        if one.reason is None:
            table = "measurement" if one.concept == C else "condition_occurrence"
            more = {"value_as_number": float(one.row_id), "unit_concept_id": MG} if one.concept == C else {}
            cdm.fact(table, one.row_id, one.person, one.concept, day(one.event), day(one.known), **more)
        else:
            named = {
                "absence_id": one.row_id,
                "person_id": one.person,
                "concept_id": one.concept,
                "domain_id": "Measurement" if one.concept == C else "Condition",
            }
            cdm.add("plait.absence", **named, absence_datetime=day(one.event), known_time=day(one.known), reason=one.reason.name)


def table_of(cdm: Cdm, view: dict[str, Any], asked: Sequence[tuple[int, int]], clock: str = "known", *, audit: bool = False) -> FusionTable:
    index = pl.DataFrame({"person_id": [row[0] for row in asked], "prediction_time": [day(row[1]) for row in asked]})
    return cdm.store({"features": [{"view": "it", **view}]}).get_historical_features(index, clock=clock, audit=audit)


def expected_reason(held: Sequence[Fact], concepts: set[int], row: tuple[int, int], clock: str, lookback: int | None, *, tells_of_older: bool = True) -> Reason:
    """Say by a loop which reason a row has."""
    person, at = row
    of = [one for one in held if one.person == person and one.concept in concepts]
    seen = [one for one in of if one.event <= at and (clock == "ohdsi" or one.known <= at)]
    inside = [one for one in seen if lookback is None or one.event > at - lookback]
    if any(one.reason is None for one in inside):
        return Reason.OBSERVED
    said = sorted((one for one in inside if one.reason), key=lambda one: (one.event, one.known if clock == "known" else 0, -PRIORITY.index(one.reason)))  # type: ignore[arg-type]
    found = [
        *([said[-1].reason] if said else []),
        *([Reason.OUT_OF_WINDOW] if tells_of_older and lookback is not None and any(one.reason is None for one in seen) else []),
    ]
    return min(found, key=PRIORITY.index, default=Reason.UNKNOWN)  # type: ignore[arg-type, return-value]


@settings(max_examples=25, deadline=None)
@given(facts_of([A, B, C]), rows, st.sampled_from(["known", "ohdsi"]), st.one_of(st.none(), st.integers(5, 30)), st.sampled_from([(A,), (B,), (C,), ()]))
def test_a_row_of_events_has_the_reason_of_a_loop(
    cdm: Cdm, held: list[Fact], asked: list[tuple[int, int]], clock: str, lookback: int | None, concepts: tuple[int, ...]
) -> None:
    """What stands below a concept belongs to it, as its events do: B is below A."""
    fill(cdm, held)
    answer = table_of(cdm, {"modality": "events", "concepts": concepts, "lookback_days": lookback}, asked, clock)["it"]
    assert isinstance(answer, Ragged)
    of = {A, B} if concepts == (A,) else set(concepts or (A, B, C))
    assert [Reason(code) for code in answer.reason.tolist()] == [expected_reason(held, of, row, clock, lookback) for row in asked]


@settings(max_examples=15, deadline=None)
@given(facts_of([C]), rows)
def test_a_value_has_the_reason_of_a_loop(cdm: Cdm, held: list[Fact], asked: list[tuple[int, int]]) -> None:
    """A window of 31 days, by days: the first of them is that of 30 days before."""
    held = [Fact(1, C, 0, 0, 5_000, None), *held]
    asked = [(1, 0), *asked]  # a value that makes the feature
    fill(cdm, held)
    answer = table_of(cdm, {"modality": "covariates", "analyses": ["MeasurementValueShortTerm"]}, asked)["it"]
    assert isinstance(answer, Sparse)
    assert answer.names == (SHORT,)
    expected = [expected_reason(held, {C}, row, "known", 31, tells_of_older=False) for row in asked]  # covariates do not look out of their windows
    assert [Reason(code) for code in answer.reason[:, 0].tolist()] == expected
    assert ((answer.reason == Reason.OBSERVED) == answer.observed).all()
    assert (answer.n_obs[:, 0] == answer.observed[:, 0]).all()


@settings(max_examples=15, deadline=None)
@given(facts_of([C]), facts_of([C]), rows)
def test_nothing_that_is_known_later_changes_a_bit(cdm: Cdm, held: list[Fact], poison: list[Fact], asked: list[tuple[int, int]]) -> None:
    cut = max(at for _, at in asked)
    taken = {one.row_id for one in held}
    by_then = [Fact(1, C, 0, 0, 5_000, None), *(one for one in held if one.known <= cut)]
    later = [one._replace(known=max(one.known, cut + 1)) for one in poison if one.row_id not in taken]
    views = (
        {"modality": "events", "concepts": [C], "lookback_days": 20},
        {"modality": "covariates", "analyses": ["MeasurementValueShortTerm", "MeasurementLongTerm"]},
    )
    asked = [(1, 0), *asked]
    for view in views:
        fill(cdm, by_then)
        alone = table_of(cdm, view, asked)["it"]
        fill(cdm, [*by_then, *later])
        mixed = table_of(cdm, view, asked)["it"]
        for part in ("values", "reason", "age_days"):
            assert getattr(alone, part).tobytes() == getattr(mixed, part).tobytes()


def test_counts_and_indicators_are_as_they_were(cdm: Cdm) -> None:
    """Only a value has a reason of an absence: that nothing was counted is a 0 where the person was observed, whatever was not done."""
    fill(cdm, [Fact(1, C, 20, 20, 1, None), Fact(2, C, 20, 20, 2, Reason.NOT_PERFORMED)])
    for person in (1, 2):
        for number, at in enumerate((-900, 30)):
            cdm.fact("visit_occurrence", 10 * person + number, person, 0, day(at), day(at), visit_end_date=day(at).date())
    view = {"modality": "covariates", "analyses": ["MeasurementLongTerm", "MeasurementValueAnyTimePrior"]}
    answer = table_of(cdm, view, [(1, 30), (2, 30)])["it"]
    assert isinstance(answer, Sparse)
    assert answer.names == (f"{C}702", FEATURE)
    assert answer.values[:, 0].tolist() == [1, 0]
    assert answer.reason.tolist() == [[0, 0], [0, Reason.NOT_PERFORMED]]


def test_an_unreadable_value_comes_before_what_was_not_done_and_after_what_was_declined(cdm: Cdm) -> None:
    said = {2: Reason.NOT_PERFORMED, 3: Reason.DECLINED}
    fill(cdm, [Fact(1, C, 20, 20, 1, None), *(Fact(person, C, 25, 25, person, reason) for person, reason in said.items())])
    for person in said:
        cdm.fact("measurement", 10 + person, person, C, day(20), day(20), value_as_number=4.0, unit_concept_id=0)
    answer = table_of(cdm, {"modality": "covariates", "analyses": ["MeasurementValueAnyTimePrior"]}, [(1, 30), (2, 30), (3, 30)])["it"]
    assert answer.reason[:, 0].tolist() == [Reason.OBSERVED, Reason.UNPARSED, Reason.DECLINED]


def test_the_features_of_another_table_have_their_reasons(cdm: Cdm) -> None:
    """A patient asked for alone has no value that would make the feature; asked like the training table, it has the reason."""
    fill(cdm, [Fact(1, C, 20, 20, 1, None), Fact(2, C, 20, 20, 2, Reason.NO_MATERIAL)])
    store = cdm.store({"features": [{"view": "it", "modality": "covariates", "analyses": ["MeasurementValueAnyTimePrior"]}]})
    batch = store.get_historical_features(pl.DataFrame({"person_id": [1, 2], "prediction_time": [day(30)] * 2}))
    alone = store.get_historical_features(pl.DataFrame({"person_id": [2], "prediction_time": [day(30)]}), like=batch)
    assert alone["it"].reason.tolist() == batch["it"].reason[1:].tolist() == [[Reason.NO_MATERIAL]]


@pytest.mark.parametrize(
    ("view", "feature"),
    [({"modality": "events", "concepts": [C]}, str(C)), ({"modality": "covariates", "analyses": ["MeasurementValueAnyTimePrior"]}, FEATURE)],
)
def test_explain_shows_the_absence_and_its_record(cdm: Cdm, view: dict[str, Any], feature: str) -> None:
    fill(
        cdm,
        [
            Fact(1, C, 20, 20, 1, None),
            Fact(2, C, 20, 21, 2, Reason.DECLINED),
            Fact(2, C, 10, 10, 3, Reason.NOT_PERFORMED),
            Fact(3, C, 20, 40, 4, Reason.DECLINED),
        ],
    )
    cdm.con.execute("DELETE FROM plait.lineage; DELETE FROM plait.files")
    cdm.add("plait.files", file_id=7, source="ehr", file="Observation")
    cdm.add("plait.lineage", table_name="absence", row_id=2, file_id=7, record=42, shape="absence", role="loaded")
    table = table_of(cdm, view, [(1, 30), (2, 30), (3, 30)])
    assert np.ravel(table["it"].reason).tolist() == [Reason.OBSERVED, Reason.DECLINED, Reason.UNKNOWN]
    told = table.explain(f"it.{feature}")
    assert told["sources"]["row_id"].to_list() == [1]
    assert told["absences"].rows() == [(1, 2, day(20), day(21), "DECLINED", "ehr", "Observation", 42)]
