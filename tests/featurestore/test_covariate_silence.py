"""What it means that a covariate is not there: a true zero, never captured, or nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdm_tables import load_csv
from plait.errors import ConfigError
from plait.featurestore.covariates import Windows, covariates, read_analyses
from plait.schema.reasons import Reason
from plait.settings import ObservationPeriodSettings

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

ANALYSES = {
    "any": "ConditionOccurrenceAnyTimePrior",
    "long": "ConditionOccurrenceLongTerm",
    "short": "ConditionOccurrenceShortTerm",
    "drug": "DrugExposureShortTerm",
    "score": "CharlsonIndex",
    "count": "VisitCountShortTerm",
    "value": "MeasurementValueShortTerm",
    "gender": "DemographicsGender",
}
ZERO, NOT_CAPTURED, UNKNOWN = int(Reason.OBSERVED), int(Reason.NOT_CAPTURED), int(Reason.UNKNOWN)
NOTHING_KNOWN = dict.fromkeys(ANALYSES, UNKNOWN)


@pytest.fixture
def con(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """Give a CDM without events: persons 1 to 4 and a period of observation for 1 to 3."""
    con = load_csv(tmp_path)
    con.execute("CREATE SCHEMA plait")
    con.execute("CREATE TABLE plait.coverage (source VARCHAR, domain_id VARCHAR, coverage_start_date DATE, coverage_end_date DATE)")
    born = "(1, 1950, NULL, NULL), (2, 1950, NULL, NULL), (3, 2020, 3, 10), (4, 1950, NULL, NULL)"
    con.execute(f"INSERT INTO cdm.person BY NAME FROM (VALUES {born}) AS v (person_id, year_of_birth, month_of_birth, day_of_birth)")
    periods = "(1, 1, DATE '2010-01-01', DATE '2020-12-31'), (2, 2, DATE '2020-03-01', DATE '2020-12-31'), (3, 3, DATE '2020-03-10', DATE '2020-12-31')"
    names = "observation_period_id, person_id, observation_period_start_date, observation_period_end_date"
    con.execute(f"INSERT INTO cdm.observation_period BY NAME FROM (VALUES {periods}) AS v ({names})")
    return con


def reasons(con: duckdb.DuckDBPyConnection, at: str = "2020-06-01", periods: ObservationPeriodSettings | None = None) -> dict[int, dict[str, int]]:
    """Give the reason of every person and analysis at a time."""
    rows = "SELECT person_id AS row_id, person_id, CAST($at AS TIMESTAMP) AS prediction_time FROM range(1, 5) AS r (person_id)"
    con.execute(f"CREATE OR REPLACE TEMP TABLE cohort AS {rows}", {"at": at})
    analyses = read_analyses(list(ANALYSES.values()))
    names = {analysis.analysis_id: key for key, name in ANALYSES.items() for analysis in analyses if analysis.analysis_name == name}
    result: dict[int, dict[str, int]] = {}
    for row in covariates(con, "cohort", analyses=analyses, periods=periods).silence.to_pylist():
        result.setdefault(row["row_id"], {})[names[row["analysis_id"]]] = row["reason"]
    return result


def test_silence_is_a_zero_where_the_window_was_observed(con: duckdb.DuckDBPyConnection) -> None:
    whole = {**dict.fromkeys(ANALYSES, ZERO), "value": UNKNOWN, "gender": UNKNOWN}
    assert reasons(con) == {1: whole, 2: {**whole, "long": UNKNOWN}, 3: whole, 4: NOTHING_KNOWN}  # nobody looks before birth


def test_a_period_that_was_not_known_to_be_over_goes_on(con: duckdb.DuckDBPyConnection) -> None:
    """Whether it ends later on is not asked; before it began, and long after its end came, nothing is known."""
    con.execute("UPDATE cdm.observation_period SET observation_period_end_date = DATE '2020-06-01' WHERE person_id = 1")
    assert reasons(con)[1]["short"] == ZERO
    assert reasons(con, "2020-06-02 12:00")[1]["short"] == UNKNOWN
    assert reasons(con, "2009-06-01")[1] == NOTHING_KNOWN


def test_a_domain_that_no_source_captures_is_not_captured(con: duckdb.DuckDBPyConnection) -> None:
    declared = "('ehr', 'Condition', NULL, NULL), ('ehr', 'Visit', DATE '2020-05-20', NULL), ('lab', 'Measurement', NULL, DATE '2019-12-31')"
    con.execute(f"INSERT INTO plait.coverage VALUES {declared}")
    first = reasons(con)[1]
    assert first == {**dict.fromkeys(ANALYSES, ZERO), "drug": NOT_CAPTURED, "count": UNKNOWN, "value": NOT_CAPTURED, "gender": UNKNOWN}
    assert reasons(con)[4] == {**NOTHING_KNOWN, "drug": NOT_CAPTURED, "value": NOT_CAPTURED}
    assert reasons(con, "2020-07-01")[1]["count"] == ZERO


@pytest.mark.parametrize(("rule", "gap", "expected"), [("visits", None, ZERO), ("activity", 100, UNKNOWN), ("activity", 300, ZERO)])
def test_derived_periods_are_rebuilt_from_what_was_known(con: duckdb.DuckDBPyConnection, rule: str, gap: int | None, expected: int) -> None:
    """Visits in 2010 and in January 2020; the period that the CDM has for the person is not looked at."""
    visits = "(1, 4, DATE '2010-05-05', DATE '2010-05-05'), (2, 4, DATE '2020-01-05', DATE '2020-01-07'), (3, 4, DATE '2020-08-01', DATE '2020-08-01')"
    con.execute(f"INSERT INTO cdm.visit_occurrence BY NAME FROM (VALUES {visits}) AS v (visit_occurrence_id, person_id, visit_start_date, visit_end_date)")
    found = reasons(con, periods=ObservationPeriodSettings(rule=rule, gap_days=gap))  # type: ignore[arg-type]
    assert found[4]["short"] == expected
    assert found[4]["long"] == (ZERO if rule == "visits" else UNKNOWN)
    assert found[1]["short"] == UNKNOWN


def test_a_window_into_the_future_must_be_observed_to_its_end(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE TEMP TABLE late AS FROM (VALUES (1, 1, TIMESTAMP '2020-12-01'), (2, 1, TIMESTAMP '2020-12-15')) AS v (row_id, person_id, prediction_time)"
    )
    result = covariates(con, "late", analyses=read_analyses(["DrugExposureShortTerm"]), windows=Windows(end=30), clock="ohdsi")
    assert result.silence["reason"].to_pylist() == [ZERO, UNKNOWN]


def test_what_is_told_of_a_person_rules_out_what_is_not(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("UPDATE cdm.person SET gender_concept_id = 8532 WHERE person_id = 2")
    assert {person: told["gender"] for person, told in reasons(con).items()} == {1: UNKNOWN, 2: ZERO, 3: UNKNOWN, 4: UNKNOWN}


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ("(1, 1, TIMESTAMP '2020-01-01'), (1, 2, TIMESTAMP '2020-01-01')", "1 that have the row_id of another"),
        ("(1, 1, NULL::TIMESTAMP)", "1 rows with a null"),
        ("(1, NULL::BIGINT, TIMESTAMP '2020-01-01')", "1 rows with a null"),
    ],
)
def test_an_index_with_faults_is_refused(con: duckdb.DuckDBPyConnection, rows: str, fault: str) -> None:
    con.execute(f"CREATE TEMP TABLE bad AS FROM (VALUES {rows}) AS v (row_id, person_id, prediction_time)")
    with pytest.raises(ConfigError, match=fault):
        covariates(con, "bad", analyses=read_analyses())


def test_what_is_missing_is_named(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TEMP TABLE bad AS SELECT 1 AS row_id, 2 AS person_id")
    with pytest.raises(ConfigError, match="none named prediction_time"):
        covariates(con, "bad", analyses=read_analyses())
    con.execute("CREATE TEMP TABLE good AS SELECT 1 AS row_id, 2 AS person_id, TIMESTAMP '2020-01-01' AS prediction_time")
    con.execute("DROP TABLE cdm.drug_era")
    with pytest.raises(ConfigError, match="no drug_era"):
        covariates(con, "good", analyses=read_analyses())
    with pytest.raises(ConfigError, match="The nearest is 'ConditionEraLongTerm'"):
        read_analyses(["ConditionEraLong"])
    with pytest.raises(ConfigError, match="windows, short"):
        Windows(end=-40)


def test_no_temporary_table_is_left(con: duckdb.DuckDBPyConnection) -> None:
    reasons(con)
    assert con.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall() == [("cohort",)]
    assert con.execute("SELECT view_name FROM duckdb_views() WHERE temporary AND starts_with(view_name, 'covariate_')").fetchall() == []
