"""Cohorts against the plainest program that makes the same ones, and what becomes of wrong ones."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plait
from plait.errors import CohortError, ConfigError
from plait.settings import Settings, parse_yaml
from tiny_cdm import A, B, C, Cdm, day

if TYPE_CHECKING:
    from pathlib import Path

    from plait.featurestore.cohorts import Cohort
    from tiny_study import Tiny

PERSONS = 4


class Fact(NamedTuple):
    person: int
    concept: int
    event: int
    known: int

    @property
    def table(self) -> str:
        return "measurement" if self.concept == C else "condition_occurrence"


_fact = st.builds(
    lambda who, what, when, late: Fact(who, what, when, when + late),
    st.integers(1, 3), st.sampled_from([A, B, C]), st.integers(0, 30), st.sampled_from([0, 1, 4, 8]),
)  # fmt: skip
facts = st.one_of(st.lists(_fact, max_size=5), st.lists(_fact, min_size=15, max_size=30))
ends = st.lists(st.tuples(st.integers(5, 40), st.one_of(st.none(), st.integers(5, 45))), min_size=PERSONS, max_size=PERSONS)


@pytest.fixture(scope="module")
def cdm() -> Cdm:
    return Cdm()


def fill(cdm: Cdm, held: list[Fact], followed: list[tuple[int, int | None]] | None = None) -> None:
    """Write persons, born 20, 30, 40 and 50 years before 2020, with their facts; each is observed from day 0 to a day, and dies on one."""
    cdm.empty()
    for person in range(1, PERSONS + 1):
        born = {"year_of_birth": 2010 - 10 * person, "month_of_birth": 1, "day_of_birth": 1}
        cdm.add("cdm.person", person_id=person, gender_concept_id=8507 + 25 * (person % 2), **born)
    for number, one in enumerate(held):
        cdm.fact(one.table, number, one.person, one.concept, day(one.event), day(one.known), **({"value_as_number": number} if one.concept == C else {}))
        cdm.add("plait.derivation", table_name="observation_period", row_id=one.person, from_table=one.table, from_row_id=number)
    for person, (until, died) in enumerate(followed or [], 1):
        period = {"observation_period_start_date": day(0).date(), "observation_period_end_date": day(until).date()}
        cdm.add("cdm.observation_period", observation_period_id=person, person_id=person, **period)
        if died is not None:
            cdm.add("cdm.death", person_id=person, death_date=day(died).date(), death_datetime=day(died) + dt.timedelta(hours=1))


def cohort(cdm: Cdm, **declared: Any) -> Cohort:  # noqa: ANN401 - settings
    return cdm.store({"cohorts": [{"name": "it", **declared}]}).cohort("it")


def rows_of(found: Cohort) -> list[tuple[int, dt.datetime]]:
    return list(found.rows.select("person_id", "prediction_time").iter_rows())


def entered(held: list[Fact], clock: str, occurrence: str, washout: float | None) -> list[tuple[int, dt.datetime]]:
    """Who enters, by a loop over all facts."""
    mine = [one for one in held if one.concept in {A, B}]
    found = set()
    for one in mine:
        at = one.event if clock == "event" else one.known
        seen = [other for other in mine if other.person == one.person and (clock == "event" or other.known <= at)]
        if washout is None or not any(one.event - washout <= other.event < one.event for other in seen):
            found.add((one.person, day(at)))
    return [min(row for row in found if row[0] == person) for person in sorted({row[0] for row in found})] if occurrence == "first" else sorted(found)


@settings(max_examples=20, deadline=None)
@given(facts, st.sampled_from(["known", "event"]), st.sampled_from([("first", None), ("every", None), ("every", 6.0), ("every", 15.0)]))
def test_index_events_are_those_of_a_loop(cdm: Cdm, held: list[Fact], clock: str, how: tuple[str, float | None]) -> None:
    fill(cdm, held)
    washout = {"washout_days": how[1]} if how[1] else {}
    found = cohort(cdm, index={"concepts": [A], "clock": clock, "occurrence": how[0], **washout})
    assert rows_of(found) == entered(held, clock, *how)
    assert found.attrition["rows"].to_list() == sorted(found.attrition["rows"].to_list(), reverse=True)
    assert found.attrition["rows"].to_list()[-1:] in ([len(found)], [])


@settings(max_examples=40, deadline=None)
@given(facts, st.sampled_from(["events", "persons", "observed"]), st.integers(0, 2), st.tuples(st.integers(-20, -2), st.integers(-1, 0)), st.integers(0, 12))
def test_rules_are_those_of_a_loop(cdm: Cdm, held: list[Fact], which: str, most: int, window: tuple[int, int], days: int) -> None:
    fill(cdm, held)
    rules: dict[str, list[dict[str, Any]]] = {
        "events": [{"events": {"concepts": [C], "at_most": most, "window_days": window}}],
        "persons": [{"age": [30, 49]}, {"sex": ["M"]}],
        "observed": [{"prior_observation_days": days}],
    }

    def meets(person: int, at: int) -> bool:
        seen = [one for one in held if one.person == person and one.known <= at]
        if which == "events":
            return sum(one.concept == C and at + window[0] <= one.event <= at + window[1] for one in seen) <= most
        return person == 2 if which == "persons" else max((at - one.event for one in seen), default=-1) >= days

    expected = [(person, at) for person, at in entered(held, "known", "every", None) if meets(person, (at - day(0)).days)]
    assert rows_of(cohort(cdm, index={"concepts": [A], "occurrence": "every"}, rules=rules[which])) == expected


@settings(max_examples=20, deadline=None)
@given(facts, facts, st.integers(0, 30))
def test_what_becomes_known_later_changes_nobodys_membership(cdm: Cdm, held: list[Fact], poison: list[Fact], cut: int) -> None:
    by_then = [one for one in held if one.known <= cut]
    later = [Fact(one.person, one.concept, one.event, max(one.known, cut + 1)) for one in poison]
    declared = {
        "index": {"concepts": [A], "occurrence": "every", "washout_days": 6},
        "rules": [{"events": {"concepts": [C], "at_most": 0}}, {"prior_observation_days": 2}],
    }
    fill(cdm, by_then)
    alone = cohort(cdm, **declared).rows.filter(pl.col("prediction_time") <= day(cut))
    fill(cdm, [*by_then, *later])
    assert alone.equals(cohort(cdm, **declared).rows.filter(pl.col("prediction_time") <= day(cut)))


def observed(cdm: Cdm, folder: Path, rule: str, days: int, *moments: int) -> list[int]:
    """Give those of some moments by which the first person had been observed for so many days."""
    index = {"person_id": [1] * len(moments), "prediction_time": [day(at) for at in moments]}
    pl.DataFrame(index).write_parquet(file := folder / "moments.parquet")
    declared = {"name": "it", "index": {"file": str(file)}, "rules": [{"prior_observation_days": days}]}
    found = cdm.store({"cohorts": [declared], "observation_period": {"rule": rule}}).cohort("it")
    return [(at - day(0)).days for _, at in rows_of(found)]


def test_a_visit_that_comes_later_does_not_undo_what_was_observed_before(cdm: Cdm, tmp_path: Path) -> None:
    fill(cdm, [Fact(1, C, 0, 0)])
    cdm.fact("visit_occurrence", 9, 1, 0, day(50), day(50))
    cdm.add("plait.derivation", table_name="observation_period", row_id=1, from_table="visit_occurrence", from_row_id=9)
    assert observed(cdm, tmp_path, "visits", 5, 4, 20, 52, 55) == [20, 55]  # visits count alone from when there is one (OHDSI's ETL-Synthea)


def test_a_declared_period_counts_when_it_is_known_and_until_it_ends(cdm: Cdm, tmp_path: Path) -> None:
    fill(cdm, [])
    for number, (start, end, known) in enumerate([(0, 20, 10), (40, 60, 40)]):
        span = {"observation_period_start_date": day(start).date(), "observation_period_end_date": day(end).date()}
        cdm.add("cdm.observation_period", observation_period_id=number, person_id=1, **span)
        times = {"known_time": day(known), "end_known_time": day(end)}
        cdm.add("plait.row_meta", table_name="observation_period", row_id=number, person_id=1, **times)
    assert observed(cdm, tmp_path, "source", 5, 8, 10, 30, 44, 45, 70) == [10, 45]


def test_who_has_not_been_seen_for_longer_than_a_gap_is_not_observed(cdm: Cdm, tmp_path: Path) -> None:
    fill(cdm, [Fact(1, C, 0, 0), Fact(1, C, 100, 100)])
    assert observed(cdm, tmp_path, "activity", 90, 89, 90, 647, 648) == [90, 647]


def ending(until: int) -> float:
    """The last moment of a day."""
    return until + 1 - 1e-6 / 86_400


@settings(max_examples=20, deadline=None)
@given(facts, ends, st.integers(1, 15))
def test_labels_are_those_of_a_loop(cdm: Cdm, held: list[Fact], followed: list[tuple[int, int | None]], horizon: int) -> None:
    fill(cdm, held, followed)
    outcomes = [
        {"name": "alive", "kind": "time_to_event", "death": True},
        {"name": "ill", "kind": "binary", "concepts": [C], "horizon_days": horizon},
        {"name": "last", "kind": "value", "concepts": [C], "take": "last", "window_days": [0, horizon]},
        {"name": "first", "kind": "value", "concepts": [C], "take": "first", "window_days": [0, horizon]},
    ]
    found = cohort(cdm, index={"concepts": [A], "occurrence": "every"}, outcomes=outcomes)
    for row in found.frame.iter_rows(named=True):
        until, death = followed[row["person_id"] - 1]
        at, observed = (row["prediction_time"] - day(0)).total_seconds() / 86_400, ending(until)
        died = math.inf if death is None else death + 1 / 24
        is_observed = at <= observed
        # death: always seen; follow-up ends with it, or with observation
        end = observed if death is None else died
        expected = (None, None) if not is_observed or end <= at else (end - at, death is not None)
        assert (row["alive_days"] is None) == (expected[0] is None)
        assert row["alive_event"] == expected[1]
        assert expected[0] is None or row["alive_days"] == pytest.approx(expected[0])
        assert (row["alive_reason"] is None) == (expected[0] is not None)
        # an event within a horizon: no only where somebody looked that long
        end = min(observed, died)
        later = [(one.event, number) for number, one in enumerate(held) if one.person == row["person_id"] and one.concept == C and one.event > at]
        came = any(event <= min(end, at + horizon) for event, _ in later)
        label = None if not is_observed or end <= at else True if came else False if end >= at + horizon else None
        assert row["ill"] is label
        assert (row["ill_reason"] is None) == (label is not None)
        in_window = [pair for pair in sorted(later, key=lambda pair: (pair[0], held[pair[1]].known, pair[1])) if pair[0] <= at + horizon]
        has_none = not is_observed or end <= at or not in_window
        assert row["last"] == (None if has_none else in_window[-1][1])
        assert row["first"] == (None if has_none else in_window[0][1])
    assert len(found.frame) == len(found.rows) == len(found)


def test_a_label_says_why_it_is_not_known(cdm: Cdm) -> None:
    fill(cdm, [Fact(person, A, 10, 10) for person in range(1, 5)], [(20, None), (40, 12), (5, None), (40, None)])
    outcomes = [{"name": "ill", "kind": "binary", "concepts": [C], "horizon_days": 15}]
    found = cohort(cdm, index={"concepts": [A]}, outcomes=outcomes)
    assert found.labels.frame["ill"].to_list() == [None, None, None, False]
    assert found.labels.frame["ill_reason"].to_list() == ["short_follow_up", "died", "not_observed", None]
    assert found.labels.describe()["ill"] == {"kind": "binary", "rows": 1, "events": 0, "missing": {"died": 1, "not_observed": 1, "short_follow_up": 1}}


def test_a_late_death_does_not_say_that_nothing_else_had_happened(cdm: Cdm) -> None:
    fill(cdm, [Fact(person, A, 10, 10) for person in range(1, 5)] + [Fact(4, C, 15, 15)], [(12, 40), (40, None), (12, 20), (12, 40)])
    outcomes = [{"name": name, "kind": "binary", "death": True, "horizon_days": 15, **more} for name, more in (("ill", {"concepts": [C]}), ("dead", {}))]
    found = cohort(cdm, index={"concepts": [A]}, outcomes=outcomes).labels.frame
    assert found["ill"].to_list() == [None, False, True, None]
    assert found["ill_reason"].to_list() == ["short_follow_up", None, None, "short_follow_up"]
    assert found["dead"].to_list() == [False, False, True, False]


def test_a_landmark_stands_later_and_takes_whom_nobody_knows_to_be_dead(cdm: Cdm) -> None:
    fill(cdm, [Fact(person, A, 10, 11) for person in range(1, 4)], [(40, None), (40, 15), (40, 25), (40, None)])
    found = cohort(cdm, index={"concepts": [A], "after_days": 9}, rules=[{"alive": True}], outcomes=[{"name": "os", "kind": "time_to_event", "death": True}])
    assert rows_of(found) == [(1, day(20)), (3, day(20))]
    assert found.labels.frame["os_days"].to_list() == pytest.approx([21 - 1e-6 / 86_400, 5 + 1 / 24])
    assert found.attrition["rule"].to_list()[-2:] == ["9 days later", "not known to be dead"]


def test_labels_are_no_part_of_what_views_see(cdm: Cdm) -> None:
    fill(cdm, [Fact(1, A, 3, 3)], [(20, None)] * PERSONS)
    found = cohort(cdm, index={"concepts": [A]}, outcomes=[{"name": "dead", "kind": "time_to_event", "death": True}])
    assert found.rows.columns == ["person_id", "prediction_time"]
    assert found.labels.frame.columns == ["dead_days", "dead_event", "dead_reason"]
    assert found.labels["dead"].columns == ("dead_days", "dead_event")


def test_a_code_and_one_that_maps_to_it_name_a_concept_with_its_descendants(cdm: Cdm) -> None:
    fill(cdm, [Fact(1, A, 1, 1), Fact(2, B, 2, 2), Fact(3, C, 3, 3)])
    for named, persons in (([A], [1, 2]), (["V:a"], [1, 2]), (["V:old-a"], [1, 2]), (["V:b", "V:c"], [2, 3])):
        assert cohort(cdm, index={"concepts": named}).rows["person_id"].to_list() == persons
    assert cohort(cdm, index={"concepts": [A], "descendants": False}).rows["person_id"].to_list() == [1]
    assert cohort(cdm, index={"concepts": [A], "exclude": [B]}).rows["person_id"].to_list() == [1]
    assert cohort(cdm, index={"concepts": [A, C], "tables": ["measurement"]}).rows["person_id"].to_list() == [3]


@pytest.mark.parametrize(
    ("declared", "error", "match"),
    [
        ({"index": {"concepts": [999]}}, CohortError, "'999', which it does not have"),
        ({"index": {"concepts": ["V:z"]}}, CohortError, "'V:z', which it does not have"),
        ({"index": {"concepts": [A], "exclude": [A]}}, CohortError, "at least one concept"),
        ({"index": {"concepts": [A], "tables": ["measurements"]}}, ConfigError, "Did you mean 'measurement'"),
        ({"index": {"concepts": [A]}, "rules": [{"sex": ["X"]}]}, CohortError, "codes of the vocabulary Gender"),
        ({"index": {"concepts": [A]}, "rules": [{"view": "none"}]}, ConfigError, "a view of this name"),
        ({"index": {"cohort_definition_id": 7}}, CohortError, "cohort_definition_id 7"),
        ({"index": {"file": "nowhere.csv"}}, ConfigError, "no file that can be read"),
    ],
)
def test_what_cannot_be_made_says_why(cdm: Cdm, declared: dict[str, Any], error: type[Exception], match: str) -> None:
    fill(cdm, [Fact(1, A, 1, 1)])
    with pytest.raises(error, match=match):
        cohort(cdm, **declared)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{name: it, index: {}}", "name one of concepts, sql"),
        ("{name: it, index: {concepts: [1], sql: a.sql}}", "name one of concepts, sql"),
        ("{name: it, index: {sql: a.sql, washout_days: 3, occurrence: every}}", "belongs to concepts"),
        ("{name: it, index: {concepts: [1], washout_days: 3}}", "without occurrence: every"),
        ("{name: it, index: {concepts: ['x']}}", "VOCABULARY:CODE"),
        ("{name: it, index: {concept: [1]}}", "Did you mean 'concepts'"),
        ("{name: it, index: {concepts: [1]}, rules: [{events: {concepts: [1], window_days: [0, 30]}}]}", "before the moment"),
        ("{name: it, index: {concepts: [1]}, rules: [{age: [1, 2], sex: [F]}]}", "a rule is one of"),
        ("{name: it, index: {concepts: [1]}, outcomes: [{name: a, kind: binary, death: true}]}", "horizon_days belongs"),
        ("{name: it, index: {concepts: [1]}, outcomes: [{name: a, kind: value, concepts: [1], window_days: [-3, 3]}]}", "lie after the moment"),
        ("{name: it, index: {concepts: [1]}, outcomes: [{name: a, kind: time_to_event}]}", "no event"),
    ],
)
def test_a_declaration_that_says_nothing_sensible_is_refused_with_its_line(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match) as error:
        parse_yaml(Settings, f"study: it\ncohorts:\n  - {text}\n", tmp_path / "plait.yaml")
    assert "plait.yaml:3" in str(error.value)


# Rows that somebody gives


def test_rows_of_others_are_taken_as_they_are(cdm: Cdm, tmp_path: Path) -> None:
    fill(cdm, [])
    cdm.add("cdm.cohort", cohort_definition_id=7, subject_id=4, cohort_start_date=day(1).date(), cohort_end_date=day(9).date())
    store = cdm.store()
    meds = pl.DataFrame(
        {"subject_id": [2, 1, 1], "prediction_time": [day(3), day(2), day(2)], "boolean_value": [True, False, False], "float_value": [None] * 3}
    )
    meds.write_parquet(tmp_path / "labels.parquet")
    found = store.cohort(tmp_path / "labels.parquet")
    assert rows_of(found) == [(2, day(3)), (1, day(2)), (1, day(2))]
    assert found.labels.frame.to_dict(as_series=False) == {"boolean_value": [True, False, False]}
    assert found.attrition.rows() == [("rows given", 2, 3), ("of these, the same person and moment as another (they stay)", 1, 2)]
    (tmp_path / "cohort.csv").write_text("subject_id,cohort_start_date,cohort_end_date,site\n3,2020-01-05,2020-02-01,north\n")
    csv = store.cohort(str(tmp_path / "cohort.csv"))
    assert rows_of(csv) == [(3, day(5) - dt.timedelta(microseconds=1))]  # a date is over before anything is predicted on it
    assert csv.rows["site"].to_list() == ["north"]
    assert rows_of(store.cohort(7)) == [(4, day(2) - dt.timedelta(microseconds=1))]
    assert rows_of(store.cohort({"person_id": [1], "prediction_time": [day(1)]})) == [(1, day(1))]
    assert rows_of(store.cohort(found)) == rows_of(found)


def test_times_of_a_text_file_are_what_iso_8601_writes(cdm: Cdm, tmp_path: Path) -> None:
    fill(cdm, [])
    file = tmp_path / "rows.csv"
    file.write_text("person_id,prediction_time\n1,2020-01-05\n2,2020-01-06 10:00\n3,2020-01-07T10:00:00.5\n")
    end = day(5) - dt.timedelta(microseconds=1)
    assert rows_of(cdm.store().cohort(file)) == [(1, end), (2, day(5 + 10 / 24)), (3, day(6 + 10 / 24) + dt.timedelta(seconds=0.5))]
    for wrong in ("01/02/2020", "01-02-2020", "2020-02-30", "2020-01-05T10:00Z", "20200105"):
        file.write_text(f"subject_id,cohort_start_date\n1,2020-01-05\n2,{wrong}\n")
        with pytest.raises(CohortError, match=r"rows.csv, column 'cohort_start_date': expected dates .* got 1 that are none"):
            cdm.store().cohort(file)


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ({"person_id": [1, 99], "prediction_time": [day(1)] * 2}, "1 whom it does not know"),
        ({"person_id": [1], "prediction_time": pl.Series([None], dtype=pl.Datetime)}, "1 nulls"),
        ({"person_id": ["MRN"], "prediction_time": [day(1)]}, "integers"),
        ({"person_id": [1]}, "a column 'prediction_time'"),
        ({"person_id": pl.Series([2**64 - 1], dtype=pl.UInt64), "prediction_time": [day(1)]}, "1 whom it does not know"),
        (pl.LazyFrame({"person_id": [1]}), "a table of persons and moments, got LazyFrame"),
        ({"person_id": pl.Series([], dtype=pl.Int64), "prediction_time": pl.Series([], dtype=pl.Datetime)}, "at least one row"),
    ],
)
def test_rows_that_cannot_be_asked_about_are_refused(cdm: Cdm, rows: Any, match: str) -> None:  # noqa: ANN401 - what is no frame, too
    fill(cdm, [])
    with pytest.raises(CohortError, match=match):
        cdm.store().cohort(rows)


# A SELECT, on a study of its own

CONDITIONS = "SELECT person_id, condition_start_datetime AS prediction_time, condition_concept_id FROM cdm.condition_occurrence"


def declare(study: Tiny, text: str) -> None:
    file = study.path / "plait.yaml"
    file.write_text(file.read_text() + text, encoding="utf-8")


def test_a_select_makes_rows_and_changes_nothing(tiny: Tiny) -> None:
    declare(tiny, "cohorts:\n  - {name: it, index: {sql: it.sql}}\n")
    (tiny.path / "it.sql").write_text(CONDITIONS + " ORDER BY ALL;")
    found = plait.open(tiny.path).cohort("it")
    assert (len(found), found.rows.columns) == (4, ["person_id", "prediction_time", "condition_concept_id"])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("DROP VIEW cdm.person", "one SELECT"),
        (CONDITIONS + "; " + CONDITIONS, "one SELECT"),
        ("SELECT 1 AS person_id", "a column 'prediction_time'"),
        ("SELECT nothing FROM cdm.person", "a SELECT that DuckDB runs"),
        ("SELEKT", "a SELECT that DuckDB runs"),
        ("SELECT * FROM read_csv('/etc/passwd')", "got Permission"),
    ],
)
def test_what_is_no_select_of_rows_is_refused(tiny: Tiny, text: str, match: str) -> None:
    declare(tiny, "cohorts:\n  - {name: it, index: {sql: it.sql}}\n")
    (tiny.path / "it.sql").write_text(text)
    with pytest.raises(CohortError, match=match):
        plait.open(tiny.path).cohort("it")
