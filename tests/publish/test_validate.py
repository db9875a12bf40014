"""`plait validate --cdm URL`: a CDM in PostgreSQL is checked as the study that it was published from is."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import plait
from plait.progress import silent
from plait.validators.cdm import columns_of, examine_cdm
from plait.validators.foreign import open_cdm
from plait.validators.suite import checks_of, select

if TYPE_CHECKING:
    from postgres_server import Target

    from shell import Result
    from tiny_study import Tiny

DAY = ("--today", "2026-11-23", "--json")


def numbers(result: Result) -> dict[str, tuple[object, ...]]:
    return {row["check_id"]: (row["violated"], row["denominator"], row["status"]) for row in json.loads(result.out)["results"]}


def test_a_published_cdm_has_the_numbers_of_its_study(clean: Tiny, target: Target) -> None:
    plait.open(clean.path).publish(target.url)
    checks = ("person", "visit_occurrence", "condition_occurrence", "concept", "cdm_source")
    there = clean.plait("validate", *checks, *DAY, "--cdm", target.url)
    here = numbers(clean.plait("validate", *checks, *DAY))
    of_books = {name for name in here if name.startswith(("knownAfterEvent", "steady"))}
    assert {name: found for name, found in numbers(there).items() if name not in of_books} == {
        name: found for name, found in here.items() if name not in of_books
    }
    assert json.loads(there.out)["name"] == target.bare_url
    assert {found[2] for name, found in numbers(there).items() if name.startswith("knownAfterEvent")} == {"NA"}  # it has no books


def test_a_database_without_a_cdm_is_refused_without_its_password(clean: Tiny, target: Target) -> None:
    done = clean.plait("validate", "--cdm", target.url)
    assert (done.code, "expected a CDM" in done.err, target.url in done.err) == (2, True, False)


def test_tables_in_capitals_are_read_and_decimals_without_places_are_whole_numbers(target: Target) -> None:
    with target.connected() as server:
        server.execute(
            """
            CREATE SCHEMA omop;
            CREATE TABLE omop."PERSON" ("PERSON_ID" numeric(20, 0), "YEAR_OF_BIRTH" numeric(4, 0), "DAY_OF_BIRTH" numeric(5, 2));
            INSERT INTO omop."PERSON" VALUES (9007199254740992, 1980, 1.5), (9007199254740993, 1990, 2);
            CREATE TABLE omop.of_theirs (anything text)
            """
        )
    with open_cdm(target.url) as con:
        assert columns_of(con) == {"person": {"person_id": "HUGEINT", "year_of_birth": "HUGEINT", "day_of_birth": "DOUBLE"}}
        checks = select(checks_of("5.4"), ["isPrimaryKey.person.*", "cdmDatatype.person.*", "plausibleValueHigh.person.year_of_birth"], where="test")
        found = {result.check.id: result.status for result in examine_cdm(con, checks, today=dt.date(2026, 11, 23), progress=silent)}
    assert found["isPrimaryKey.person.person_id"] == found["cdmDatatype.person.person_id"] == found["plausibleValueHigh.person.year_of_birth"] == "PASS"
    assert found["cdmDatatype.person.day_of_birth"] == "FAIL"
