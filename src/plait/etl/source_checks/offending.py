"""Which records of its files offend a check of a source: read again, for whoever asks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plait.duck import literal, make_view, quoted, sql
from plait.etl.source_checks.counting import condition, has_columns
from plait.etl.sources.raw import load_raw

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.source_checks.rules import SourceCheck
    from plait.etl.sources.folder import Source
    from plait.etl.sources.inventory import InputFile


def offending_records(
    con: duckdb.DuckDBPyConnection, source: Source, files: Sequence[InputFile], check: SourceCheck, *, time_zone: str, spill: Path, limit: int | None
) -> list[tuple[str, int]]:
    """Give (path below the source's folder, record) of the records that offend a check, in their order; at most `limit`.

    Raises:
        InputFileError: A file is no longer what it was when it was inspected.
    """
    own = [file for file in files if file.file == check.file and has_columns(file, check)]
    if not own or not check.is_counted:
        return []
    con.execute(sql("plait.etl", "macros"))
    _load(con, source, own, "checked", check.columns, spill)
    if check.kind == "sourceUnique":
        keys = ", ".join(quoted(name) for name in check.columns)
        filled = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in check.columns)
        query = f"SELECT path, record FROM checked WHERE {filled} QUALIFY count(*) OVER (PARTITION BY {keys}) > 1"
    elif check.kind == "sourceReference":
        target, _, column = str(check.rule.references).partition(".")
        parents = [file for file in files if file.file == target and column.lower() in {name.lower() for name in file.header}]
        _load(con, source, parents, "referred", (column,), spill)
        query = (
            f"SELECT c.path, c.record FROM checked AS c WHERE c.{quoted(check.columns[0])} IS NOT NULL "
            f"AND NOT EXISTS (SELECT 1 FROM referred AS p WHERE p.{quoted(column)} = c.{quoted(check.columns[0])})"
        )
    else:
        query = f"SELECT path, record FROM checked WHERE {condition(check, source, time_zone)[0]}"
    rows: list[tuple[str, int]] = con.execute(f"{query} ORDER BY path, record{f' LIMIT {limit:d}' if limit is not None else ''}").fetchall()
    return rows


def _load(con: duckdb.DuckDBPyConnection, source: Source, files: Sequence[InputFile], view: str, columns: tuple[str, ...], spill: Path) -> None:
    """Make a view of some columns of the sound records of files, with their places; a file is read once on a connection."""
    parts = []
    for file in files:
        table = re.sub(r"\W+", "_", f"offending {source.name} {file.name}")
        if not con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = $name", {"name": table}).fetchall():
            load_raw(con, file, source, table=table, spill=spill)
        names = ", ".join(quoted(name) for name in columns)
        parts.append(f"SELECT {literal(file.name)} AS path, _pointer.record AS record, {names} FROM {quoted(table)} WHERE _fault IS NULL")
    nothing = f"SELECT NULL AS path, NULL AS record, {', '.join(f'CAST(NULL AS VARCHAR) AS {quoted(name)}' for name in columns)} WHERE false"
    make_view(con, view, " UNION ALL ".join(parts) or nothing)
