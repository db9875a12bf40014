"""What `plait export omop` wrote is a CDM like others: plait reads it back, and but for what is said to be treated it is the original."""

# ruff: noqa: S608 - tables and columns of the CDM
from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

import plait
from plait.duck import literal, quoted
from plait.etl.harmonize.row_ids import person_of
from plait.export.deidentify.key import ExportKey
from plait.export.deidentify.tables import select, treatments
from plait.schema import cdm_tables
from tiny_omop import OF_THE_STUDY, Legacy

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

pytestmark = pytest.mark.long

KEY = "back"
OURS = sorted(treatments().keys() - OF_THE_STUDY)
TYPES = {(table, field.name): field.duckdb_type for table, spec in cdm_tables().items() for field in spec.fields}
AS_IT_WAS = {"keep", "shift", "time", "years"}
"""What a field that is treated so still says, its date shifted."""


def there_and_back(study: Path, folder: Path, sources: dict[str, str]) -> Path:
    """Export a study, read the export back as the source of a new one, and give that."""
    package, other = folder / "package", folder / "back"
    plait.open(study).export_omop(package, row_level=True, key=KEY)
    other.mkdir()
    settings = {"study": "back", "sources": [{"name": "cdm", "kind": "omop", "path": str(package)}], **sources}
    (other / "plait.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    plait.open(other).run_etl()
    return other


@pytest.fixture(scope="module", params=["every table", pytest.param("the demo", marks=pytest.mark.long)])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """Give a study as `one`, its export read back as `other`, the files of the export as `out`, and who is who in `pseudonym`."""
    folder = tmp_path_factory.mktemp("back")
    if request.param == "the demo":
        shutil.copytree(request.getfixturevalue("demo_study"), folder / "study")
    else:
        Legacy(folder / "study").write().run()
    file = folder / "study" / "plait.yaml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    settings["policy"] = {"min_cell": 1}
    settings["validation"] = {"rules": [{"checks": "*", "severity": "warning"}]}
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    vocabulary = str((folder / "study" / settings["vocabulary"]).resolve())
    other = there_and_back(folder / "study", folder, {"vocabulary": vocabulary})
    con = plait.open(folder / "study").connect()
    ExportKey.kept(folder / "study", KEY).make_pseudonyms(con, "SELECT person_id FROM cdm.person")
    con.execute(f"ATTACH {literal(other / 'warehouse' / 'study.duckdb')} AS other (READ_ONLY)")
    con.execute("CREATE SCHEMA out")
    for table in cdm_tables():
        con.execute(f"CREATE VIEW out.{quoted(table)} AS FROM {literal(folder / 'package' / f'{table}.parquet')}")
    return con


@pytest.mark.parametrize("table", OURS)
def test_it_is_read_back_as_it_was_written(both: duckdb.DuckDBPyConnection, table: str) -> None:
    for one, other in (("out", "other.cdm"), ("other.cdm", "out")):
        assert both.sql(f"FROM {one}.{quoted(table)} EXCEPT ALL FROM {other}.{quoted(table)}").fetchall() == [], (table, one)


@pytest.mark.parametrize("table", [table for table in OURS if "JOIN pseudonym" in select(table)])
def test_it_is_the_original_but_for_what_is_treated(both: duckdb.DuckDBPyConnection, table: str) -> None:
    """Rows are paired by the person and all that stays; then each is there as often as in the original, its dates by the person's shift later."""
    fields = [field for field in treatments()[table] if field.action in AS_IT_WAS]
    shifted = ", ".join(
        f"CAST(t.{quoted(field.field)} + to_days(s.shift_days) AS {TYPES[table, field.field]}) AS {quoted(field.field)}"
        if field.action == "shift"
        else f"t.{quoted(field.field)}"
        for field in fields
    )
    names = ", ".join(quoted(field.field) for field in fields)
    spec = cdm_tables()[table]
    ours = f"SELECT s.new_id AS of_person, {shifted or 1} FROM cdm.{quoted(table)} AS t JOIN pseudonym AS s ON s.person_id = {person_of(spec, 't')}"
    theirs = f"SELECT {person_of(spec, 't')} AS of_person, {names or 1} FROM out.{quoted(table)} AS t"
    assert both.sql(f"{ours} EXCEPT ALL {theirs}").fetchall() == []
    assert both.sql(f"{theirs} EXCEPT ALL {ours}").fetchall() == []


def test_words_stay_where_no_cell_is_too_small(both: duckdb.DuckDBPyConnection) -> None:
    for table in ("condition_occurrence", "measurement", "observation"):
        field = f"{table.removesuffix('_occurrence')}_source_value"
        query = f"SELECT {field}, count(*) FROM {{}}.{table} GROUP BY ALL ORDER BY ALL"
        assert both.sql(query.format("out")).fetchall() == both.sql(query.format("cdm")).fetchall() != []
