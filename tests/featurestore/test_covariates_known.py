"""The clock `known`: nothing that happened or became known after the prediction time changes an answer."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import plait
from cdm_tables import load_csv
from plait.duck import literal, make_view
from plait.errors import ConfigError
from plait.etl.derive.eras import derive, prepare_drugs
from plait.featurestore.covariates import Clock, Covariates, Windows, covariates, read_analyses
from plait.settings import ObservationPeriodSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

CASE = Path(__file__).with_name("fe_case")
FIRST = dt.datetime.combine(dt.date(2020, 6, 15), dt.time())
WINDOWS = Windows(temporal=((-365, -181), (-180, -31), (-30, -1), (0, 0)))
EVENTS = {
    "condition_occurrence": ("condition_start_date", "condition_start_datetime", "condition_end_date"),
    "drug_exposure": ("drug_exposure_start_date", "drug_exposure_start_datetime", "drug_exposure_end_date"),
    "procedure_occurrence": ("procedure_date", "procedure_datetime", None),
    "device_exposure": ("device_exposure_start_date", "device_exposure_start_datetime", None),
    "measurement": ("measurement_date", "measurement_datetime", None),
    "observation": ("observation_date", "observation_datetime", None),
    "visit_occurrence": ("visit_start_date", "visit_start_datetime", "visit_end_date"),
    "visit_detail": ("visit_detail_start_date", "visit_detail_start_datetime", "visit_detail_end_date"),
}
CLOCKS: tuple[Clock, ...] = ("known", "ohdsi")
TABLES = ("values", "covariate_ref", "analysis_ref", "silence", "unparsed", "conversions")
META = "table_name VARCHAR, row_id BIGINT, person_id BIGINT, known_time TIMESTAMP, end_known_time TIMESTAMP"
DAY, LAST = dt.timedelta(days=1), dt.timedelta(days=1, microseconds=-1)


def hospital(seed: int) -> duckdb.DuckDBPyConnection:
    """Give the CDM of the case with times of day for some rows, known times for some, and supplies for some drugs."""
    con, dice = load_csv(CASE / "cdm"), random.Random(seed)
    con.execute("CREATE SCHEMA plait")
    con.execute(f"CREATE TABLE plait.row_meta ({META})")
    meta = []
    for table, (start, moment, end) in EVENTS.items():
        for row, person, first, last in con.execute(f"SELECT {table}_id, person_id, {start}, {end or 'NULL'} FROM cdm.{table} ORDER BY 1").fetchall():
            day = dt.datetime.combine(first, dt.time())
            if dice.random() < 0.3:
                con.execute(f"UPDATE cdm.{table} SET {moment} = ? WHERE {table}_id = ?", [day + dt.timedelta(hours=dice.randint(1, 23)), row])
            if dice.random() < 0.6:
                known = day + LAST + dt.timedelta(days=dice.choice([0, 0, 0, 5, 100]))
                until = None if last is None or dice.random() < 0.3 else dt.datetime.combine(last, dt.time()) + LAST + dt.timedelta(days=dice.choice([0, 0, 9]))
                meta.append((table, row, person, known, until))
    for period, person, first, last in con.execute("SELECT * EXCLUDE (period_type_concept_id) FROM cdm.observation_period ORDER BY 1").fetchall():
        known, until = (dt.datetime.combine(day, dt.time()) + LAST for day in (first, last))
        meta.append(("observation_period", period, person, known, until + dt.timedelta(days=dice.choice([0, 3000]))))
    con.executemany("INSERT INTO plait.row_meta VALUES (?, ?, ?, ?, ?)", meta)
    con.execute("UPDATE cdm.drug_exposure SET days_supply = drug_exposure_id % 40 WHERE drug_exposure_id % 3 = 0")
    return con


def ask(con: duckdb.DuckDBPyConnection, at: dt.datetime, clock: Clock = "known", periods: ObservationPeriodSettings | None = None) -> Covariates:
    """Give all covariates, static and temporal, of all persons at one time."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE cohort AS SELECT person_id * 10 AS row_id, person_id, $at AS prediction_time FROM range(1, 13) AS r (person_id)",
        {"at": at},
    )
    return covariates(con, "cohort", analyses=read_analyses(["all", "all_temporal"]), windows=WINDOWS, clock=clock, periods=periods)


def times(con: duckdb.DuckDBPyConnection, table: str) -> dict[int, tuple[dt.datetime, dt.datetime, dt.datetime | None]]:
    """Give of every row when it happened and was known, and when its end had come and was known."""
    start, moment, end = EVENTS[table]
    meta = {
        row: (known, until)
        for row, known, until in con.execute("SELECT row_id, known_time, end_known_time FROM plait.row_meta WHERE table_name = ?", [table]).fetchall()
    }
    result = {}
    for row, first, hour, last in con.execute(f"SELECT {table}_id, {start}, {moment}, {end or 'NULL'} FROM cdm.{table}").fetchall():
        day = dt.datetime.combine(first, dt.time())
        known, until = meta.get(row, (hour or day + LAST, None if last is None else dt.datetime.combine(last, dt.time()) + LAST))
        if last is None:
            until = None
        elif until is not None:
            until = max(until, dt.datetime.combine(last, dt.time()))
        result[row] = (hour or day, known, until)
    return result


def poison(con: duckdb.DuckDBPyConnection, at: dt.datetime, seed: int) -> None:
    """Delete, change and add what happened or became known after a time."""
    dice = random.Random(seed)
    for table, (start, _, end) in EVENTS.items():
        for row, (happened, known, until) in times(con, table).items():
            key = f"WHERE {table}_id = {row}"
            if max(happened, known) > at:
                if dice.random() < 0.7:
                    con.execute(f"DELETE FROM cdm.{table} {key}")
                else:
                    con.execute(f"UPDATE cdm.{table} SET person_id = person_id % 12 + 1 {key}")
            elif end is not None and (until is None or until > at):
                told = con.execute(f"SELECT 1 FROM plait.row_meta WHERE table_name = '{table}' AND row_id = {row}").fetchone()
                later = at + dt.timedelta(days=dice.randint(2, 90))
                con.execute(f"UPDATE cdm.{table} SET {end} = ? {key}", [dice.choice([None, later.date()])])
                if told:
                    con.execute(f"UPDATE plait.row_meta SET end_known_time = ? WHERE table_name = '{table}' AND row_id = {row}", [later + DAY])
        con.execute(f"INSERT INTO cdm.{table} SELECT * REPLACE ({table}_id + 100000 AS {table}_id, {start} + 4000 AS {start}) FROM cdm.{table}")
        old = f"SELECT * REPLACE ({table}_id + 200000 AS {table}_id, {start} - 3000 AS {start}) FROM cdm.{table}"
        con.execute(f"INSERT INTO cdm.{table} {old} WHERE {table}_id < 100000 AND {table}_id % 3 = 0")
        late = f"SELECT '{table}', {table}_id, person_id, $late, NULL FROM cdm.{table} WHERE {table}_id >= 200000"
        con.execute(f"INSERT INTO plait.row_meta {late}", {"late": at + dt.timedelta(seconds=1)})
    con.execute("DELETE FROM cdm.condition_era")
    con.execute("UPDATE cdm.drug_era SET drug_era_end_date = drug_era_end_date + 9")
    unknown = "SELECT row_id FROM plait.row_meta WHERE table_name = 'observation_period' AND end_known_time > $at"
    con.execute(
        f"UPDATE cdm.observation_period SET observation_period_end_date = $late WHERE observation_period_id IN ({unknown})", {"at": at, "late": at + 500 * DAY}
    )


@pytest.fixture(scope="module")
def hospitals() -> Callable[[int], duckdb.DuckDBPyConnection]:
    """Give a function that makes the CDM of a seed once; who changes it rolls back."""
    return cache(hospital)


@pytest.mark.parametrize(("seed", "days", "rule"), [(0, 0, None), (1, -45, "activity"), (0, -30, "visits"), (1, 15, None)])
def test_the_future_changes_nothing(hospitals: Callable[[int], duckdb.DuckDBPyConnection], seed: int, days: int, rule: str | None) -> None:
    con, at = hospitals(seed), FIRST + dt.timedelta(days=days, hours=13)
    periods = None if rule is None else ObservationPeriodSettings(rule=rule)  # type: ignore[arg-type]
    before = ask(con, at, periods=periods)
    con.begin()
    try:
        poison(con, at, seed)
        after = ask(con, at, periods=periods)
    finally:
        con.rollback()
    assert before.values.num_rows > 300
    assert before.unparsed.num_rows > 10
    for name in TABLES:
        assert getattr(before, name).equals(getattr(after, name)), name


@pytest.mark.parametrize(("seed", "days"), [(0, 0), (1, -30)])
def test_it_is_ohdsi_on_what_was_known(hospitals: Callable[[int], duckdb.DuckDBPyConnection], seed: int, days: int) -> None:
    """Cut a CDM down to what was known, derive its eras, and ask by OHDSI's clock: the answers are the same."""
    con, at = hospitals(seed), FIRST + dt.timedelta(days=days, hours=13)
    result = ask(con, at)
    con.begin()
    try:
        cut_down(con, at)
        then = ask(con, at, clock="ohdsi")
    finally:
        con.rollback()
    apart = {a.analysis_id for a in read_analyses(["all"]) if a.feature == "value" or a.future or a.kind == "prior_observation"}
    apart_in_time = {a.analysis_id for a in read_analyses(["all_temporal"]) if a.feature == "value"}
    ref = result.covariate_ref
    shared_ids = {key for key, others in zip(ref["covariate_id"].to_pylist(), ref["collisions"].to_pylist(), strict=True) if others}  # OHDSI drops a pair
    ours, theirs = (
        Counter(row for row in rows(found) if row[1] % 1000 not in (apart if row[2] is None else apart_in_time) and row[1] not in shared_ids)
        for found in (result, then)
    )
    assert ours == theirs
    assert len({(covariate % 1000, time is None) for _, covariate, time, _ in ours}) > 115


def test_rows_of_one_person_are_told_apart(hospitals: Callable[[int], duckdb.DuckDBPyConnection]) -> None:
    """What a row gets does not depend on the other rows: alone, and among three of the same person."""
    con = hospitals(0)
    times = ", ".join(f"({number}, 1, TIMESTAMP '2020-0{number}-15 11:00')" for number in (4, 5, 6))
    con.execute(f"CREATE OR REPLACE TEMP TABLE several AS FROM (VALUES {times}) AS v (row_id, person_id, prediction_time)")
    together = rows(covariates(con, "several", analyses=read_analyses(["all"])))
    assert {row[0] for row in together} == {4, 5, 6}
    con.execute("CREATE OR REPLACE TEMP TABLE alone AS FROM several WHERE row_id = 5")
    assert rows(covariates(con, "alone", analyses=read_analyses(["all"]))) == [row for row in together if row[0] == 5]


def test_an_era_is_whole_although_the_window_ends_before_it_goes_on(hospitals: Callable[[int], duckdb.DuckDBPyConnection]) -> None:
    """Two exposures ten days apart are one era, which a window between them overlaps."""
    con = hospitals(0)
    con.begin()
    try:
        con.execute("DELETE FROM cdm.condition_occurrence")
        days = "(1, 1, 800001, DATE '2020-05-01', DATE '2020-05-05'), (2, 1, 800001, DATE '2020-05-20', DATE '2020-05-25')"
        names = "condition_occurrence_id, person_id, condition_concept_id, condition_start_date, condition_end_date"
        con.execute(f"INSERT INTO cdm.condition_occurrence BY NAME FROM (VALUES {days}) AS v ({names})")
        con.execute("DELETE FROM plait.row_meta WHERE table_name = 'condition_occurrence'")
        con.execute("CREATE OR REPLACE TEMP TABLE one AS SELECT 1 AS row_id, 1 AS person_id, TIMESTAMP '2020-06-01 00:00' AS prediction_time")
        windows = Windows(long_start=-25, medium_start=-24, short_start=-23, end=-20)
        result = covariates(con, "one", analyses=read_analyses(["ConditionEraShortTerm", "ConditionOccurrenceShortTerm"]), windows=windows)
    finally:
        con.rollback()
    assert rows(result) == [(1, 800001204, None, 1.0)]


def cut_down(con: duckdb.DuckDBPyConnection, at: dt.datetime) -> None:
    """Leave in a CDM what was known at a time, and eras of that."""
    for table, (start, _, end) in EVENTS.items():
        told = {row for (row,) in con.execute("SELECT row_id FROM plait.row_meta WHERE table_name = ?", [table]).fetchall()}
        for row, (happened, known, until) in times(con, table).items():
            key = f"WHERE {table}_id = {row}"
            if max(happened, known) > at:
                con.execute(f"DELETE FROM cdm.{table} {key}")
            elif end is not None and (until is None or until > at):
                rule = "NULL"
                if table.startswith("visit"):
                    rule = start
                elif table == "drug_exposure" and row in told:
                    rule = f"{start} + greatest(CAST(coalesce(days_supply, 1) AS INTEGER) - 1, 0)"
                con.execute(f"UPDATE cdm.{table} SET {end} = {rule} {key}")
    con.execute("CREATE SCHEMA IF NOT EXISTS vocabulary")
    for table in ("concept", "concept_ancestor", "drug_strength"):
        con.execute(f"CREATE OR REPLACE VIEW vocabulary.{table} AS FROM cdm.{table}")
    for table in ("condition_occurrence", "drug_exposure"):
        make_view(con, table, f"FROM cdm.{table}")
    con.execute("CREATE OR REPLACE TEMP VIEW used_drug AS SELECT DISTINCT drug_concept_id FROM cdm.drug_exposure")
    prepare_drugs(con)
    for era in ("condition_era", "drug_era"):
        con.execute(f"DELETE FROM cdm.{era}")
        con.execute(f"INSERT INTO cdm.{era} BY NAME {derive(con, era)}")  # type: ignore[arg-type]


def rows(result: Covariates) -> list[tuple[Any, ...]]:
    """Give the values as tuples."""
    return list(zip(*(result.values[name].to_pylist() for name in ("row_id", "covariate_id", "time_id", "covariate_value")), strict=True))


def test_the_future_is_refused_or_left_out() -> None:
    con = hospital(0)
    con.execute(f"CREATE TEMP TABLE cohort AS FROM {literal(CASE / 'index.csv')}")
    result = covariates(con, "cohort", analyses=read_analyses(["all"]))
    assert result.left_out == ("DemographicsPostObservationTime", "DemographicsTimeInCohort")
    with pytest.raises(ConfigError, match="tell of the future"):
        covariates(con, "cohort", analyses=read_analyses(["DemographicsTimeInCohort"]))
    with pytest.raises(ConfigError, match="until day 30"):
        covariates(con, "cohort", analyses=read_analyses(), windows=Windows(end=30))
    with pytest.raises(ConfigError, match="temporal windows"):
        covariates(con, "cohort", analyses=read_analyses(["temporal"]))


def test_when_all_is_known_the_eras_of_a_study_are_rebuilt_as_they_were_derived(demo_study: Path) -> None:
    """A century later both clocks agree, but for what is read by unit and for whether the person is still observed."""
    study = plait.open(demo_study)
    con = study.connect()
    con.execute("CREATE TEMP TABLE cohort AS SELECT person_id AS row_id, person_id, TIMESTAMP '2126-01-01' AS prediction_time FROM cdm.person")
    analyses = [a for a in read_analyses(["all"]) if a.feature != "value" and a.kind != "prior_observation"]
    known, ohdsi = (rows(covariates(con, "cohort", analyses=analyses, clock=clock, periods=study.settings.observation_period)) for clock in CLOCKS)
    assert len(known) > 10_000
    assert known == ohdsi
