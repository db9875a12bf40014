"""Planted faults: each is found by exactly the checks that docs/checks.md lists for it, with its rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plait.validators.plan import rows_query
from plait.validators.validate import columns_of

if TYPE_CHECKING:
    from conftest import Cdm

PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
LISTED = {
    fault.strip(): set(re.findall(r"`(\w+)`", checks))
    for fault, checks in re.findall(r"^\| (.+?) \| (.+?) \|$", PAGE.split("## What finds which fault")[1].split("\n## ")[0], re.MULTILINE)
    if "`" in checks
}
FIRST = "WHERE {id} = (SELECT min({id}) FROM cdm.{table} {of})"
CONDITION = FIRST.format(id="condition_occurrence_id", table="condition_occurrence", of="")
FAULTS = {
    "a foreign key to nowhere": (
        "drug_exposure",
        "UPDATE cdm.drug_exposure SET visit_occurrence_id = -1 "
        + FIRST.format(id="drug_exposure_id", table="drug_exposure", of="WHERE visit_occurrence_id IS NOT NULL"),
    ),
    "a null in a required field": ("condition_occurrence", f"UPDATE cdm.condition_occurrence SET condition_start_date = NULL {CONDITION}"),
    "a condition of women in a man": (
        "condition_occurrence",
        "INSERT INTO cdm.concept SELECT * REPLACE (197236 AS concept_id) FROM cdm.concept WHERE concept_id = 201826;"
        "UPDATE cdm.condition_occurrence SET condition_concept_id = 197236 "
        + FIRST.format(id="condition_occurrence_id", table="condition_occurrence", of="JOIN cdm.person USING (person_id) WHERE gender_concept_id = 8507"),
    ),
    "a unit that cannot be": (
        "measurement",
        "UPDATE cdm.measurement SET unit_concept_id = 8582 " + FIRST.format(id="measurement_id", table="measurement", of="WHERE measurement_concept_id = 3004249"),
    ),
    "a date before birth": ("condition_occurrence", f"UPDATE cdm.condition_occurrence SET condition_start_date = DATE '1925-05-05' {CONDITION}"),
    "a date after death": (
        "condition_occurrence",
        "UPDATE cdm.condition_occurrence SET condition_start_date = DATE '2026-01-05', condition_end_date = NULL, condition_end_datetime = NULL "
        + FIRST.format(id="condition_occurrence_id", table="condition_occurrence", of="JOIN cdm.death USING (person_id)"),
    ),
    "an end before a start": (
        "condition_occurrence",
        f"UPDATE cdm.condition_occurrence SET condition_end_date = condition_start_date - 3, condition_end_datetime = NULL {CONDITION}",
    ),
    "a visit a month from its events": (
        "visit_occurrence",
        "UPDATE cdm.visit_occurrence SET visit_start_date = visit_start_date + 40, visit_end_date = visit_end_date + 40 "
        + FIRST.format(id="visit_occurrence_id", table="visit_occurrence", of="JOIN cdm.measurement USING (visit_occurrence_id)"),
    ),
    "a visit of somebody else": (
        "measurement",
        "UPDATE cdm.measurement SET visit_occurrence_id = (SELECT max(visit_occurrence_id) FROM cdm.visit_occurrence) "
        + FIRST.format(id="measurement_id", table="measurement", of=""),
    ),
    "a concept of another domain": (
        "condition_occurrence",
        "UPDATE cdm.condition_occurrence SET condition_concept_id = (SELECT min(concept_id) FROM cdm.concept WHERE domain_id = 'Drug' AND standard_concept = 'S') "
        + CONDITION,
    ),
    "a concept that is not standard": (
        "condition_occurrence",
        "UPDATE cdm.condition_occurrence SET condition_concept_id = "
        f"(SELECT min(concept_id) FROM cdm.concept WHERE domain_id = 'Condition' AND standard_concept IS NULL AND concept_id <> 0) {CONDITION}",
    ),
    "a key twice": ("condition_occurrence", f"INSERT INTO cdm.condition_occurrence FROM cdm.condition_occurrence {CONDITION}"),
    "a text in the place of a number": (
        "drug_exposure",
        "ALTER TABLE cdm.drug_exposure ALTER COLUMN provider_id TYPE VARCHAR;"
        f"UPDATE cdm.drug_exposure SET provider_id = 'nobody' {FIRST.format(id='drug_exposure_id', table='drug_exposure', of='')}",
    ),
}


def test_all_faults_are_in_the_page_and_here() -> None:
    assert LISTED.keys() == FAULTS.keys()


@pytest.fixture(scope="module")
def before() -> dict[str, int]:
    """Give what the checks count before a fault, once it is known."""
    return {}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_fault_is_found_by_exactly_the_checks_listed(cdm: Cdm, fault: str, before: dict[str, int]) -> None:
    if not before:
        before |= {name: result.violated or 0 for name, result in cdm.found().items()}
    table, statement = FAULTS[fault]
    cdm.con.execute(statement)
    tables = () if table == "visit_occurrence" else (table,)  # nothing points at the rows of the other ones
    more = {name: result for name, result in cdm.found(*tables).items() if (result.violated or 0) > before[name]}
    assert {result.check.type.name for result in more.values()} - {"measureValueCompleteness"} == LISTED[fault]
    columns = columns_of(cdm.con)
    for result in more.values():
        query = rows_query(result.check, columns, cdm.today)
        assert cdm.sql(f"SELECT count(*) FROM ({query})") == [(result.violated,)]
