"""`study.duckdb`: views for outside readers, with absolute paths; a cache, rebuilt whenever it is not true.

plait itself never opens it: `open_catalog` makes the same views in memory.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from plait.duck import connect, literal, parquet, quoted, sql
from plait.errors import StudyError
from plait.etl.commit import Version, warehouse_of
from plait.schema import TableSpec, cdm_tables, empty_select, plait_tables

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

CATALOG_FILE = "study.duckdb"
"""Name of the catalogue in the warehouse."""


def checks_file(study: Path) -> Path:
    """Give the file that keeps what `plait verify` found; it is of no version."""
    return warehouse_of(study) / "images" / "checks.parquet"


def validations(study: Path) -> list[Path]:
    """Give the files that keep what `plait validate` found, oldest first; each tells which version it was of."""
    return sorted(validations_folder(study).glob("*.parquet"))


def validations_folder(study: Path) -> Path:
    """Give the folder of these files."""
    return warehouse_of(study) / "checks"


def open_catalog(
    study: Path, version: Version, *, threads: int | None = None, memory: str | None = None, spill: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """Give an in-memory connection with the views of a version: schemas `cdm` and `plait`; the rest as in `plait.duck.connect`.

    Raises:
        StudyError: A file of the version is gone or damaged.
    """
    import duckdb

    con = connect(threads=threads, memory=memory, spill=spill)
    try:
        for statement in _views(study, version):
            con.execute(statement)
    except (duckdb.IOException, duckdb.InvalidInputException):
        raise _damaged(study, version) from None
    return con


def _damaged(study: Path, version: Version) -> StudyError:
    return StudyError(
        warehouse_of(study),
        expected=f"every file of version {version.version}",
        got="one that is gone or cannot be read",
        todo="Restore it from a copy, or open an earlier version.",
    )


def cdm_files(study: Path, version: Version) -> dict[str, list[Path]]:
    """Give the Parquet files behind each table of the CDM in a version; some tables have none, and some files have no rows."""
    return {table: [warehouse_of(study) / file for file in files] for table, files in version.tables["cdm"].items() if files}


def rows_of_tables(con: duckdb.DuckDBPyConnection, study: Path, version: Version) -> dict[str, int]:
    """Give the number of rows of each table of the CDM that has some in a version, as their files tell.

    Raises:
        StudyError: A file of the version is gone or damaged.
    """
    import duckdb

    table_of = {str(file): table for table, files in cdm_files(study, version).items() for file in files}
    if not table_of:
        return {}
    found: dict[str, int] = {}
    query = f"SELECT file_name, num_rows FROM parquet_file_metadata([{', '.join(map(literal, table_of))}]) WHERE num_rows > 0"
    try:
        for file, rows in con.execute(query).fetchall():
            found[table_of[file]] = found.get(table_of[file], 0) + int(rows)
    except (duckdb.IOException, duckdb.InvalidInputException):
        raise _damaged(study, version) from None
    return found


def build_catalog(study: Path, version: Version) -> None:
    """Write `study.duckdb` and its stamp anew, unless they already tell of this version at this place."""
    warehouse = warehouse_of(study.resolve())
    file, stamp = warehouse / CATALOG_FILE, warehouse / f"{CATALOG_FILE}.json"
    truth = json.dumps(
        {"version": version.version, "warehouse": str(warehouse), "checks": checks_file(study).is_file(), "validations": len(validations(study))}
    )
    wal = file.with_name(file.name + ".wal")
    if file.is_file() and stamp.is_file() and not wal.exists() and stamp.read_text(encoding="utf-8") == truth:
        return
    import duckdb

    temporary = warehouse / f".{CATALOG_FILE}.tmp"
    for leftover in (temporary, temporary.with_name(temporary.name + ".wal")):
        leftover.unlink(missing_ok=True)
    with duckdb.connect(str(temporary)) as con:
        for statement in _views(study.resolve(), version):
            con.execute(statement)
    stamp.unlink(missing_ok=True)
    wal.unlink(missing_ok=True)
    temporary.replace(file)
    stamp.write_text(truth, encoding="utf-8")


def _views(study: Path, version: Version) -> list[str]:
    """Give the statements that make all schemas and views of a version."""
    warehouse = warehouse_of(study)
    statements = ["CREATE SCHEMA cdm", "CREATE SCHEMA plait"]
    for schema, specs, files in (("cdm", cdm_tables(), version.tables["cdm"]), ("plait", plait_tables(), version.tables["books"])):
        statements += [f"CREATE VIEW {schema}.{quoted(name)} AS {_select(warehouse, spec, files.get(name, []))}" for name, spec in specs.items()]
    statements.append(f"CREATE OR REPLACE VIEW plait.lineage AS {_lineage(warehouse, version)}")
    if kept := validations(study):
        statements.append(f"CREATE OR REPLACE VIEW plait.checks AS FROM {parquet(*kept)}")
    if checks_file(study).is_file():
        statements.append(f"CREATE OR REPLACE VIEW plait.image_check AS {sql('plait.etl', 'image_check').replace('image_checks', parquet(checks_file(study)))}")
    return statements


def _lineage(warehouse: Path, version: Version) -> str:
    """Give the SELECT of the lineage: records are named by their digest, and found at their places of now."""
    pointers = [
        f"SELECT source, file, {literal(entry['shape'])} AS shape, digest, file_id, record FROM {parquet(warehouse / entry['path'])} "
        'WHERE is_first AND reject IS NULL AND "ignore" IS NULL'
        for entry in version.staged
        if entry["rows"]
    ]
    if not pointers:
        return empty_select(plait_tables()["lineage"])
    return sql("plait.etl", "lineage").replace("staged_pointer", f"({' UNION ALL '.join(pointers)})")


def _select(warehouse: Path, spec: TableSpec, files: list[str]) -> str:
    """Give the SELECT of a view over a table's files, or over nothing."""
    if not files:
        return empty_select(spec)
    return f"FROM {parquet(*(warehouse / file for file in files))}"
