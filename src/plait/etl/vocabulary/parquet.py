"""One file of a download to one Parquet file with exactly the CDM's columns, in one pass."""

from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING

from plait.duck import one_file, quoted, sql
from plait.errors import VocabularyError
from plait.etl.vocabulary.faults import Dates, inspect
from plait.schema import Field, cdm_tables

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from plait.etl.vocabulary.download import SourceFile

_AGAIN = "Download the vocabulary again from https://athena.ohdsi.org."

# Files that went through R hold a literal NA for null in these two columns; anywhere else NA is a code or a name like any other.
_NA_COLUMNS = frozenset({"standard_concept", "invalid_reason"})

# DuckDB's own '%Y%m%d' takes the seven digits 1970101 for October 1970; eight digits as a number are strict and no slower.
_COMPACT_DATE = (
    "CASE WHEN {0} BETWEEN 10000101 AND 99991231 "
    "THEN make_date(CAST({0} // 10000 AS INTEGER), CAST({0} // 100 % 100 AS INTEGER), CAST({0} % 100 AS INTEGER)) END"
)
_TEXT_DATE = (
    "CASE WHEN regexp_full_match({0}, '[0-9]{{8}}') THEN CAST(strptime({0}, '%Y%m%d') AS DATE) "
    "WHEN regexp_full_match({0}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') THEN CAST({0} AS DATE) "
    "WHEN regexp_full_match({0}, '[0-9]{{5}}') THEN DATE '1899-12-30' + CAST({0} AS INTEGER) "
    "{1}END"
)
_DAY_FIRST = "WHEN regexp_full_match({0}, '[0-9]{{2}}/[0-9]{{2}}/[0-9]{{4}}') THEN CAST(strptime({0}, '%d/%m/%Y') AS DATE) "
_MONTH_FIRST = _DAY_FIRST.replace("%d/%m", "%m/%d")
_CSV = (
    "read_csv($paths, hive_partitioning = false, columns = $columns, delim = $delim, quote = $quote, escape = $quote, "
    "compression = $compression, header = true, auto_detect = false)"
)


def write_table(con: duckdb.DuckDBPyConnection, file: SourceFile, target: Path, *, with_zero: bool = False) -> tuple[int, tuple[str, ...]]:
    """Write a file of a download as Parquet, and give its number of rows and what the reader should know.

    Args:
        con: Reads and writes.
        file: The file to read.
        target: The Parquet file to write.
        with_zero: Whether to put "No matching concept" in front, as Athena has it.

    Raises:
        VocabularyError: A line cannot be read; it names the first one.
    """
    import duckdb

    dates: Dates | None = None
    reason = "an id or a date is missing"
    if file.dates == "text" and not file.is_parquet:
        dates = inspect(con, file)
        file = replace(file, dates=dates.style)
    while True:
        try:
            rows = _copy(con, file, target, with_zero=with_zero)
            if not _has_holes(con, file, target):
                return rows, _notes(file, dates)
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0]
        if dates is not None:
            break
        dates = inspect(con, file)
        file = replace(file, dates=dates.style)
    raise VocabularyError(file.path, expected="a vocabulary table", got=reason, todo=_AGAIN)


def write_concepts(con: duckdb.DuckDBPyConnection, file: SourceFile, target: Path) -> tuple[int, tuple[str, ...], bool]:
    """Write the concepts as `write_table` does, with "No matching concept" in front where it is missing; the last value says whether it was.

    Whether it is missing is guessed by a search for its name, since the file can be written a second time only at a price; the guess is verified.

    Raises:
        VocabularyError: A line cannot be read, or there is none.
    """
    adding = not _mentions_concept_zero(file)
    rows, notes = write_table(con, file, target, with_zero=adding)
    zeros = con.execute(sql(__package__, "concept_zeros"), {"path": str(target), "zero": concept_zero()["concept_id"]}).fetchone()
    if zeros is not None and zeros[0] != 1 and adding == (zeros[0] > 1):
        adding = not adding
        rows, notes = write_table(con, file, target, with_zero=adding)
    if rows == adding:
        raise VocabularyError(file.path, expected="concepts", got="a header line only", todo=_AGAIN)
    return rows, notes, adding


def concept_zero() -> dict[str, str | None]:
    """Give the row of "No matching concept" by column, from `concept_zero.csv`."""
    lines = (files(__package__) / "concept_zero.csv").read_text(encoding="utf-8").splitlines()
    return {name: value or None for name, value in next(csv.DictReader(lines)).items()}


def _mentions_concept_zero(file: SourceFile) -> bool:
    """Say whether the bytes of the file hold the name of concept 0; packed files are taken to, as every full download does."""
    if file.is_parquet or file.is_gzip:
        return True
    name = (concept_zero()["concept_name"] or "").encode()
    tail = b""
    with file.path.open("rb") as content:
        while chunk := content.read(1 << 20):
            if name in tail + chunk:
                return True
            tail = chunk[-len(name) :]
    return False


def _copy(con: duckdb.DuckDBPyConnection, file: SourceFile, target: Path, *, with_zero: bool) -> int:
    columns = ", ".join(f"{_expression(file, field)} AS {quoted(field.name)}" for field in cdm_tables()[file.table].fields)
    zero = _write_zero(con, file, target) if with_zero else []
    statement = f"COPY (SELECT {columns} FROM {_relation(file)}) TO $target (FORMAT parquet)"
    row = con.execute(statement, {**_reading(file, [*zero, file.path]), "target": str(target)}).fetchone()
    for path in zero:
        path.unlink()
    return int(row[0]) if row else 0


def _write_zero(con: duckdb.DuckDBPyConnection, file: SourceFile, target: Path) -> list[Path]:
    """Write "No matching concept" as a file of the same layout, for the reader to take first: a UNION would make it read with one thread."""
    row = {name: value or "" for name, value in concept_zero().items()}
    if file.dates == "compact":
        row = {name: value.replace("-", "") if name.endswith("_date") else value for name, value in row.items()}
    path = target.with_name("concept-zero" + "".join(file.path.suffixes[-2:]))
    if file.is_parquet:
        columns = ", ".join(f"${name} AS {quoted(name)}" for name in row)
        con.execute(f"COPY (SELECT {columns}) TO $target (FORMAT parquet)", {**row, "target": str(path)})
        return [path]
    lines = (file.delimiter.join(names) for names in (file.columns, [row.get(name, "") for name in file.columns]))
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content) if file.is_gzip else content)
    return [path]


def _relation(file: SourceFile) -> str:
    return "read_parquet($paths, union_by_name = true, hive_partitioning = false)" if file.is_parquet else _CSV


def _reading(file: SourceFile, paths: list[Path]) -> dict[str, object]:
    """Give the parameters of `_relation`."""
    parameters: dict[str, object] = {"paths": [one_file(path) for path in paths]}
    if not file.is_parquet:
        compression = "gzip" if file.is_gzip else "none"
        parameters |= {"columns": _types(file), "delim": file.delimiter, "quote": file.quote, "compression": compression}
    return parameters


def _types(file: SourceFile) -> dict[str, str]:
    """Give the type that the CSV reader gives to each column of the file, in the file's order."""
    dates = {"compact": "BIGINT", "iso": "DATE"}.get(file.dates, "VARCHAR")
    types = {field.name: dates if field.base_type == "date" else field.duckdb_type for field in cdm_tables()[file.table].fields}
    return {name: types.get(name, "VARCHAR") for name in file.columns}


def _expression(file: SourceFile, field: Field) -> str:
    if field.name not in file.columns:
        return f"CAST(NULL AS {field.duckdb_type})"
    column = quoted(field.name)
    if file.is_parquet and field.base_type != "date":
        column = f"CAST({column} AS {field.duckdb_type})"
        column = f"nullif({column}, '')" if field.base_type == "varchar" else column
    if field.base_type == "date":
        return _date_expression(file, column)
    return f"nullif({column}, 'NA')" if field.name in _NA_COLUMNS else column


def _date_expression(file: SourceFile, column: str) -> str:
    if file.is_parquet:
        column = f"regexp_replace(CAST({column} AS VARCHAR), ' 00:00:00$', '')"
    if file.dates == "compact":
        return _COMPACT_DATE.format(column)
    if file.dates == "iso":
        return column
    slashes = {"day-first": _DAY_FIRST, "month-first": _MONTH_FIRST}.get(file.dates, "")
    return _TEXT_DATE.format(f"trim({column})", slashes.format(f"trim({column})"))


def _has_holes(con: duckdb.DuckDBPyConnection, file: SourceFile, target: Path) -> bool:
    """Say whether an id or a date that the CDM requires is null in what was written."""
    nulls = {row[0] for row in con.execute(sql(__package__, "null_counts"), {"path": str(target)}).fetchall()}
    fields = cdm_tables()[file.table].fields
    return any(field.required and field.base_type != "varchar" and field.name in nulls and field.name in file.columns for field in fields)


def _notes(file: SourceFile, dates: Dates | None) -> tuple[str, ...]:
    notes = []
    if file.absent_columns:
        notes.append(f"{file.path.name} has no column {', '.join(file.absent_columns)}: it is null.")
    if dates is not None and (odd := dates.by_slash + dates.by_day_number):
        how = "day/month/year" if dates.style == "day-first" else "month/day/year"
        ways = [how] * bool(dates.by_slash) + ["a spreadsheet's day number"] * bool(dates.by_day_number)
        notes.append(f"{file.path.name} writes {odd:,} dates as {' or as '.join(ways)}: they were read as such.")
    return tuple(notes)
