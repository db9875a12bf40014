"""CDMs to break: tables of the demo study, and of a study of real Synthea files, on connections of their own."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pytest

import plait
from plait.progress import silent
from plait.validators.cdm import examine_cdm
from plait.validators.suite import Check, checks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from plait.validators.judge import Result

TODAY = dt.date(2026, 11, 23)
TABLES = ("person", "observation_period", "visit_occurrence", "visit_detail", "condition_occurrence", "drug_exposure", "measurement", "death")
VOCABULARY = ("concept", "concept_ancestor")
PERSONS = 25
PRESSURES = """
INSERT INTO cdm.measurement BY NAME
SELECT
    visit_occurrence_id AS measurement_id, person_id, visit_occurrence_id, 3004249 AS measurement_concept_id, visit_start_date AS measurement_date,
    32827 AS measurement_type_concept_id, 120.0 AS value_as_number, 8876 AS unit_concept_id
FROM cdm.visit_occurrence
"""


@dataclass(frozen=True)
class Cdm:
    """A CDM in the schema `cdm` of a connection, and the checks of its tables."""

    con: duckdb.DuckDBPyConnection
    checks: tuple[Check, ...]
    today: dt.date = TODAY

    def found(self, *tables: str) -> dict[str, Result]:
        """Give what all checks find, or those of some tables, by id."""
        checks = [check for check in self.checks if not tables or check.table in tables]
        return {result.check.id: result for result in examine_cdm(self.con, checks, today=self.today, progress=silent)}

    def sql(self, query: str) -> list[tuple[object, ...]]:
        return self.con.execute(query).fetchall()


@pytest.fixture(scope="module")
def few(demo_study: Path) -> duckdb.DuckDBPyConnection:
    """Give a copy of some tables of the demo study, with some of its patients."""
    return copied(demo_study, f"person_id <= {PERSONS}")


@pytest.fixture(scope="module")
def tutorial(make_study: Callable[..., Path]) -> duckdb.DuckDBPyConnection:
    """Give a copy of some tables of the study of 109 patients that OHDSI teaches with; as its files have none, with a blood pressure at each visit."""
    con = copied(make_study("synthea/tutorial-109/raw", "tutorial-2025"), "TRUE")
    con.execute(PRESSURES)
    return con


def copied(study: Path, which: str) -> duckdb.DuckDBPyConnection:
    """Give a copy of some tables of a study, with those of its patients that a condition leaves."""
    theirs, con = plait.open(study).connect(), duckdb.connect(config={"threads": 2})
    con.execute("CREATE SCHEMA cdm")
    for table in (*TABLES, *VOCABULARY):
        some = "" if table in VOCABULARY else f" WHERE {which}"
        con.register("arrow", theirs.sql(f"FROM cdm.{table}{some}").to_arrow_table())
        con.execute(f"CREATE TABLE cdm.{table} AS FROM arrow")
        con.unregister("arrow")
    return con


@pytest.fixture(params=["few", "tutorial"])
def any_cdm(request: pytest.FixtureRequest) -> Iterator[Cdm]:
    """Give each of the CDMs to be changed; what a test does is undone."""
    yield from to_be_changed(request.getfixturevalue(request.param))


@pytest.fixture
def cdm(few: duckdb.DuckDBPyConnection) -> Iterator[Cdm]:
    """Give the demo's CDM to be changed; what a test does is undone."""
    yield from to_be_changed(few)


def to_be_changed(con: duckdb.DuckDBPyConnection) -> Iterator[Cdm]:
    """Give a CDM, and undo what was done to it."""
    con.execute("BEGIN")
    yield Cdm(con, tuple(check for check in checks_of("5.4") if check.table in TABLES))
    con.execute("ROLLBACK")
