"""What a run would change in the tables of the CDM, row by row, before it is committed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.duck import make_view, parquet, quoted, sql
from plait.schema import TableSpec, cdm_tables, empty_select

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.commit import Version
    from plait.etl.harmonize.shard import ShardResult


@dataclass(frozen=True, slots=True)
class TableDifference:
    """How many rows of a table come, change under their id, and go; `rows` are there afterwards."""

    table: str
    rows: int
    inserted: int
    updated: int
    deleted: int


def table_differences(con: duckdb.DuckDBPyConnection, warehouse: Path, before: Version | None, results: Iterable[ShardResult]) -> list[TableDifference]:
    """Compare the files that a run wrote with those that they take the place of; tables without a difference are left out.

    Files that both have are not read. A row is known by the table's id; where the table has none, a changed
    row counts as one that goes and one that comes.

    Args:
        con: Any connection.
        warehouse: The study's warehouse.
        before: The version that stands, None before the first.
        results: All shards of the new version.
    """
    now: dict[str, list[str]] = {}
    for result in results:
        for table, file in result.files["cdm"].items():
            now.setdefault(table, []).append(file)
    found = []
    for table, spec in cdm_tables().items():
        old, new = (before.tables["cdm"].get(table, []) if before else []), now.get(table)
        if new is None:
            continue
        make_view(con, "rows_before", _rows(warehouse, spec, [file for file in old if file not in new]))
        make_view(con, "rows_now", _rows(warehouse, spec, [file for file in new if file not in old]))
        row = con.execute(sql("plait.etl", "differences_by_id" if spec.id_column else "differences")).fetchone()
        inserted, updated, deleted = row or (0, 0, 0)
        if inserted or updated or deleted:
            count = con.execute(f"SELECT count(*) FROM {parquet(*(warehouse / file for file in new))}").fetchone()
            found.append(TableDifference(table, int(count[0]) if count else 0, int(inserted), int(updated), int(deleted)))
    return found


def _rows(warehouse: Path, spec: TableSpec, files: Sequence[str]) -> str:
    """Give the SELECT of the rows in files, their id as `id`."""
    columns = f"{quoted(spec.id_column)} AS id, *" if spec.id_column else "*"
    source = f"FROM {parquet(*(warehouse / file for file in files))}" if files else f"FROM ({empty_select(spec)})"
    return f"SELECT {columns} {source}"
