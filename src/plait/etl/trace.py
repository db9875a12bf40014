"""From a CDM row back to the source: file, record, line, raw text, mapping, run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.duck import listed, make_view, parquet, quoted, sql
from plait.errors import ConfigError, StudyError, did_you_mean
from plait.etl.catalog import open_catalog
from plait.etl.commit import Version, warehouse_of
from plait.etl.sources.folder import open_source
from plait.etl.sources.inventory import InputFile
from plait.etl.sources.listing import list_folder
from plait.etl.sources.raw import csv_records
from plait.etl.stage import coded_columns
from plait.hashing import sha256_of
from plait.schema import cdm_tables, plait_tables
from plait.settings import read_settings

if TYPE_CHECKING:
    import duckdb

_KEYS = {"death": "person_id"}
"""Tables whose rows are found by another column than an id of their own."""

_OWN_TABLES = ("absence",)
"""Tables of plait's own whose rows come from records, as those of the CDM do."""


def trace(study: Path, version: Version, table: str, row_id: int) -> dict[str, Any]:
    """Give all that led to one row of the CDM, or of `plait.absence`.

    Returns:
        `row` (the row itself), `known` (known_time, end_known_time), `records` (for each source record: source,
        file, path, record, line, role, raw, or why the raw text cannot be shown), `members` (of a derived row: the
        CDM rows that it is made of, and what these are made of, with their source, file, record, shape and role), `findings` (of what was read in
        a note: the note, the characters in it from `offset` to before `end`, and who read them), `mapping` (the study map's
        rows for its codes), `run`.

    Raises:
        ConfigError: No such table, or one whose rows come from no record.
        StudyError: No such row.
    """
    known = cdm_tables() | {name: plait_tables()[name] for name in _OWN_TABLES}
    if table not in known:
        raise ConfigError("TABLE", expected="a table of the CDM, or 'absence'", got=f"'{table}'", todo=did_you_mean(table, known, "See `plait etl status`."))
    key = known[table].id_column or _KEYS.get(table)
    if key is None:
        raise ConfigError("TABLE", expected="a table whose rows have an id", got=f"'{table}'", todo="Its rows come from the vocabulary or describe the study.")
    con = open_catalog(study, version)
    row = _one(con, f"SELECT * FROM {known[table].schema}.{quoted(table)} WHERE {quoted(key)} = $id", {"id": row_id})
    if row is None:
        raise StudyError(f"{table} {row_id}", expected="a row with this id", got="none", todo=f"Look one up: SELECT {key} FROM {known[table].schema}.{table}.")
    records = listed(con, sql("plait.etl", "trace"), {"table": table, "id": row_id})
    staged = [entry for entry in version.staged if entry["file_id"] in {record["file_id"] for record in records}]
    return {
        "table": table,
        "row": row,
        "known": _one(con, "SELECT known_time, end_known_time FROM plait.row_meta WHERE table_name = $table AND row_id = $id", {"table": table, "id": row_id}),
        "records": [_with_raw(record, version, study) for record in records],
        "members": listed(con, sql("plait.etl", "trace_members"), {"table": table, "id": row_id}),
        "findings": listed(con, sql("plait.etl", "trace_findings"), {"table": table, "id": row_id}),
        "mapping": _mapping(con, warehouse_of(study), staged, records),
        "run": _one(con, "SELECT run_id, started_at, plait_version, vocabulary_release, version FROM plait.runs ORDER BY run_id DESC LIMIT 1", {}),
    }


def _with_raw(record: dict[str, Any], version: Version, study: Path) -> dict[str, Any]:
    """Add the raw text of a record and its first line in the file, or say why it cannot be shown."""
    entry = next(entry for entry in version.inventory if entry["file_id"] == record["file_id"])
    path = Path(entry["path"])
    found = {key: value for key, value in record.items() if key != "file_id"} | {"path": str(path)}
    try:
        stat = path.stat()
    except OSError:
        return found | {"raw": None, "note": "the file is gone"}
    if entry.get("is_folder"):
        if list_folder(path).digest != entry["sha256"]:
            return found | {"raw": None, "note": "the folder has changed since the run"}
    elif stat.st_size != entry["size_bytes"] or (stat.st_mtime_ns != entry["mtime_ns"] and sha256_of(path) != entry["sha256"]):
        return found | {"raw": None, "note": "the file has changed since the run"}
    if entry["format"] == "records":
        return found | {"raw": _reader_record(study, entry, record["record"]), "line": None}
    if entry["format"] != "csv":
        return found | {"raw": _parquet_record(path, record["record"]), "line": None}
    line, fields = _csv_record(path, entry["encoding"], entry.get("delimiter", ","), (entry.get("quote", '"'), entry.get("comment_lines", 0)), record["record"])
    return found | {"line": line, "raw": dict(zip(entry["header"], fields, strict=False))}


def _csv_record(path: Path, encoding: str, delimiter: str, layout: tuple[str, int], number: int) -> tuple[int, list[str]]:
    """Give (first line, fields) of a record of a text file, counted as the reader counts: neither blank lines nor comments are records.

    `layout` is the quote mark and the number of lines above the header.
    """
    for count, found in enumerate(csv_records(path, encoding, delimiter, *layout)):
        if count == number:
            return found
    raise StudyError(path, expected=f"a record {number}", got="fewer", todo="Run `plait etl run` again.")


def _reader_record(study: Path, entry: dict[str, Any], number: int) -> dict[str, Any] | None:
    """Give a record as the source's reader makes it, None where `plait.yaml` no longer names the source."""
    settings = next((source for source in read_settings(study).sources if source.name == entry["source"]), None)
    source = open_source(settings, study) if settings is not None else None
    if source is None or source.reader is None:
        return None
    file = InputFile(**{**{key: value for key, value in entry.items() if key != "file_id"}, "path": Path(entry["path"]), "header": tuple(entry["header"])})
    for batch in source.reader.records(source, file):
        if number <= batch.num_rows:
            row: dict[str, Any] = batch.slice(number - 1, 1).to_pylist()[0]
            return {name: row[name] for name in file.header}
        number -= batch.num_rows
    raise StudyError(file.path, expected="the record", got="fewer records", todo="Run `plait etl run` again.")


def _parquet_record(path: Path, number: int) -> dict[str, Any] | None:
    """Give a row of a Parquet file."""
    import duckdb

    with duckdb.connect() as con:
        return _one(
            con,
            "SELECT * EXCLUDE (file_row_number) FROM read_parquet($path, file_row_number = true, hive_partitioning = false) WHERE file_row_number = $row",
            {"path": str(path), "row": number - 1},
        )


def _mapping(con: duckdb.DuckDBPyConnection, warehouse: Path, staged: list[dict[str, Any]], records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the rows of the study map that the records' codes used."""
    shapes = {record["shape"] for record in records}
    found: list[dict[str, Any]] = []
    for entry in staged:
        numbers = [record["record"] for record in records if record["file_id"] == entry["file_id"] and record["shape"] == entry["shape"]]
        if entry["shape"] not in shapes or not numbers:
            continue
        for column, system in coded_columns(entry["shape"]):
            make_view(con, "traced", f"SELECT record, source, {system} AS code_system, {quoted(column)} AS code FROM {parquet(warehouse / entry['path'])}")
            found += [row for row in listed(con, sql("plait.etl", "trace_mapping"), {"attribute": column, "numbers": numbers}) if row not in found]
    return found


def _one(con: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
    rows = listed(con, query, parameters)
    return rows[0] if rows else None
