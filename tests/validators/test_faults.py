"""Planted faults: each is found by exactly the checks that docs/checks.md lists for it, with its rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plait.validators.cdm import columns_of
from plait.validators.plan import rows_query

if TYPE_CHECKING:
    import duckdb
    from conftest import Cdm

PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
LISTED = {
    fault.strip(): set(re.findall(r"`(\w+)`", checks))
    for fault, checks in re.findall(r"^\| (.+?) \| (.+?) \|$", PAGE.split("## What finds which fault")[1].split("\n## ")[0], re.MULTILINE)
    if "`" in checks
}


def first(table: str, of: str = "") -> str:
    """Give the clause that chooses the first row of a table, of those that a join and a condition leave."""
    key = f"{table}_id"
    return f"WHERE {key} = (SELECT min({key}) FROM cdm.{table} {of})"


def condition(change: str, of: str = "") -> tuple[str, str]:
    """Give the statement that changes one condition."""
    return "condition_occurrence", f"UPDATE cdm.condition_occurrence SET {change} {first('condition_occurrence', of)}"


def concept(domain: str, standard: str) -> str:
    """Give the last concept of a domain, standard or not, as SQL: those of checks of one gender have low numbers."""
    return f"(SELECT max(concept_id) FROM cdm.concept WHERE domain_id = '{domain}' AND standard_concept {standard} AND concept_id <> 0)"


IS_STANDARD = "= 'S'"
OF_WOMEN = """
INSERT INTO cdm.concept
SELECT * REPLACE (197236 AS concept_id) FROM cdm.concept
WHERE concept_id = 201826 AND NOT EXISTS (SELECT 1 FROM cdm.concept AS c WHERE c.concept_id = 197236);
"""
AS_TEXT = "ALTER TABLE cdm.drug_exposure ALTER COLUMN provider_id TYPE VARCHAR;"
FAULTS = {
    "a foreign key to nowhere": (
        "drug_exposure",
        f"UPDATE cdm.drug_exposure SET visit_occurrence_id = -1 {first('drug_exposure', 'WHERE visit_occurrence_id IS NOT NULL')}",
    ),
    "a null in a required field": condition("condition_start_date = NULL"),
    "a condition of women in a man": (
        "condition_occurrence",
        OF_WOMEN + condition("condition_concept_id = 197236", "JOIN cdm.person USING (person_id) WHERE gender_concept_id = 8507")[1],
    ),
    "a unit that cannot be": (
        "measurement",
        f"UPDATE cdm.measurement SET unit_concept_id = 8582 {first('measurement', 'WHERE measurement_concept_id = 3004249')}",
    ),
    "a date before birth": condition("condition_start_date = DATE '1925-05-05'"),
    "a date after death": condition(
        "condition_start_date = DATE '2026-01-05', condition_end_date = NULL, condition_end_datetime = NULL", "JOIN cdm.death USING (person_id)"
    ),
    "an end before a start": condition("condition_end_date = condition_start_date - 3, condition_end_datetime = NULL"),
    "a visit a month from its events": (
        "visit_occurrence",
        "UPDATE cdm.visit_occurrence SET visit_start_date = visit_start_date + 40, visit_end_date = visit_end_date + 40 "
        + first("visit_occurrence", "JOIN cdm.measurement USING (visit_occurrence_id)"),
    ),
    "a visit of somebody else": (
        "measurement",
        f"UPDATE cdm.measurement SET visit_occurrence_id = (SELECT max(visit_occurrence_id) FROM cdm.visit_occurrence) {first('measurement')}",
    ),
    "a concept of another domain": condition(f"condition_concept_id = {concept('Drug', IS_STANDARD)}"),
    "a concept that is not standard": condition(f"condition_concept_id = {concept('Condition', 'IS NULL')}"),
    "a key twice": ("condition_occurrence", f"INSERT INTO cdm.condition_occurrence FROM cdm.condition_occurrence {first('condition_occurrence')}"),
    "a text in the place of a number": ("drug_exposure", f"{AS_TEXT} UPDATE cdm.drug_exposure SET provider_id = 'nobody' {first('drug_exposure')}"),
}


def test_all_faults_are_in_the_page_and_here() -> None:
    assert LISTED.keys() == FAULTS.keys()


@pytest.fixture(scope="module")
def before() -> dict[duckdb.DuckDBPyConnection, dict[str, int]]:
    """Give what the checks count before a fault, of each CDM, once it is known."""
    return {}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_fault_is_found_by_exactly_the_checks_listed(any_cdm: Cdm, fault: str, before: dict[duckdb.DuckDBPyConnection, dict[str, int]]) -> None:
    cdm = any_cdm
    if cdm.con not in before:
        before[cdm.con] = {name: result.violated or 0 for name, result in cdm.found().items()}
    table, statement = FAULTS[fault]
    cdm.con.execute(statement)
    tables = () if table == "visit_occurrence" else (table,)  # nothing points at the rows of the other ones
    more = {name: result for name, result in cdm.found(*tables).items() if (result.violated or 0) > before[cdm.con][name]}
    assert {result.check.type.name for result in more.values()} - {"measureValueCompleteness"} == LISTED[fault]
    columns = columns_of(cdm.con)
    for result in more.values():
        query = rows_query(result.check, columns, cdm.today)
        assert cdm.sql(f"SELECT count(*) FROM ({query})") == [(result.violated,)]
