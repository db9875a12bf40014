"""A CDM to break: tables of the demo study on a connection of their own."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pytest

import plait
from plait.etl.run import silent
from plait.validators.cdm import examine_cdm
from plait.validators.suite import Check, checks_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from plait.validators.judge import Result

TODAY = dt.date(2026, 11, 23)
TABLES = ("person", "observation_period", "visit_occurrence", "visit_detail", "condition_occurrence", "drug_exposure", "measurement", "death")
VOCABULARY = ("concept", "concept_ancestor")
PERSONS = 25


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
    demo, con = plait.open(demo_study).connect(), duckdb.connect(config={"threads": 2})
    con.execute("CREATE SCHEMA cdm")
    for table in (*TABLES, *VOCABULARY):
        some = "" if table in VOCABULARY else f" WHERE person_id <= {PERSONS}"
        con.register("arrow", demo.sql(f"FROM cdm.{table}{some}").to_arrow_table())
        con.execute(f"CREATE TABLE cdm.{table} AS FROM arrow")
        con.unregister("arrow")
    return con


@pytest.fixture
def cdm(few: duckdb.DuckDBPyConnection) -> Iterator[Cdm]:
    """Give that CDM to be changed; what a test does is undone."""
    few.execute("BEGIN")
    yield Cdm(few, tuple(check for check in checks_of("5.4") if check.table in TABLES))
    few.execute("ROLLBACK")
