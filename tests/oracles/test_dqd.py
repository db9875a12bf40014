"""The same numbers as OHDSI's DataQualityDashboard 2.8 on public CDMs, check by check; and the same checks as in its files."""

from __future__ import annotations

import csv
import datetime as dt
from typing import TYPE_CHECKING

import duckdb
import pytest

from dqd_spec import derived
from plait.progress import silent
from plait.schema import cdm_tables, empty_select
from plait.validators.cdm import columns_of, examine_cdm
from plait.validators.foreign import version_of
from plait.validators.plan import single_query
from plait.validators.suite import checks_of

if TYPE_CHECKING:
    from pathlib import Path

    from plait.validators.judge import Result

TODAY = dt.date(2026, 11, 23)
"""When the reference figures were made."""


@pytest.mark.parametrize(
    ("folder", "reference", "with_empty"),
    [("synthea27nj", "dqd.csv", False), ("omoplite1130", "dqd.csv", False), ("omoplite1130", "dqd_empty_tables_added.csv", True)],
    ids=["synthea27nj", "omoplite1130", "omoplite1130-empty"],
)
@pytest.mark.parametrize("is_told", [False, True], ids=["counted", "told"])
def test_numbers_are_those_of_the_dashboard(shared: Path, folder: str, reference: str, with_empty: bool, is_told: bool) -> None:  # noqa: FBT001 - parameters of the test
    con = duckdb.connect(config={"threads": 2})
    con.execute("CREATE SCHEMA cdm")
    files = {file.stem: file for file in (shared / "oracles" / folder / "cdm").glob("*.parquet")}
    for table, file in files.items():
        con.execute(f"CREATE VIEW cdm.{table} AS FROM '{file}'")
    for table, spec in cdm_tables().items() if with_empty else ():
        if table not in files:
            con.execute(f"CREATE VIEW cdm.{table} AS {empty_select(spec)}")
    checks = [check for check in checks_of("5.4") if check.suite == "dqd"]
    told = {table: [file] for table, file in files.items()} if is_told else None
    found = {key(result): as_figures(result) for result in examine_cdm(con, checks, today=TODAY, progress=silent, files=told)}
    with (shared / "oracles" / folder / reference).open(encoding="utf-8", newline="") as lines:
        expected = {
            (row["check_name"], row["cdm_table_name"], row["cdm_field_name"], " ".join(row["concept_id"].replace(",", " ").split())): (
                row["num_violated_rows"],
                row["num_denominator_rows"],
                row["failed"],
                row["not_applicable"],
                row["is_error"],
                float(row["threshold_value"]) if row["threshold_value"] else None,
            )
            for row in csv.DictReader(lines)
        }
    assert len(expected) == 2533
    assert {name: found[name] for name in expected if found[name] != expected[name]} == {}
    assert found.keys() == expected.keys()


def key(result: Result) -> tuple[str, str, str, str]:
    return (result.check.type.name, result.check.table, result.check.field, result.check.concept_id)


def as_figures(result: Result) -> tuple[str, str, str, str, str, float | None]:
    """Give a result as the reference writes it; there, a check that was refused is in error even where it does not apply."""
    is_of_schema = result.check.type.name in {"cdmTable", "cdmField"}
    return (
        "" if result.violated is None else str(result.violated),
        "" if result.denominator is None else str(result.denominator),
        str(int(result.status == "FAIL")),
        str(int(result.status == "NA")),
        str(int(result.violated is None and not is_of_schema)),
        result.check.threshold,
    )


def test_together_checks_of_5_3_count_what_each_counts_alone(shared: Path) -> None:
    con = duckdb.connect(config={"threads": 2})
    con.execute("CREATE SCHEMA cdm")
    for file in (shared / "oracles" / "gibleed" / "cdm").glob("*.parquet"):
        con.execute(f"CREATE TABLE cdm.{file.stem} AS FROM '{file}'")
    columns = columns_of(con)
    assert version_of(con, columns) == ("5.3", [])
    checks = [check for check in checks_of("5.3") if check.suite == "dqd" and check.type.name not in {"cdmTable", "cdmField"}]
    answered = {result.check.id: result for result in examine_cdm(con, checks, today=TODAY, progress=silent) if result.violated is not None}
    assert len(answered) > 1500
    assert answered["isForeignKey.observation_period.person_id"].violated == 2649  # persons without a row in PERSON
    for check in checks[::5]:
        if check.id in answered:
            alone = con.execute(single_query(check, columns, TODAY)).fetchone()
            assert alone == (answered[check.id].violated, answered[check.id].denominator), check.id


@pytest.mark.parametrize("version", ["5.3", "5.4"])
def test_checks_are_those_of_its_files(shared: Path, version: str) -> None:
    expected = [
        (row["check"], row["table"], row["field"], row["concept_id"], row["argument"], row["threshold"], row["note"])
        for row in derived(shared / "spec" / "dqd" / "csv", version)
    ]
    found = [
        (c.type.name, c.table, c.field, c.concept_id, c.argument, "" if c.threshold is None else f"{c.threshold:g}", c.note)
        for c in checks_of(version)
        if c.suite == "dqd"
    ]
    assert found == expected
