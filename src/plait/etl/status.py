"""What the books say of a run: what became of every record, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plait.duck import listed, quoted, sql
from plait.schema import VOCABULARY_TABLES, cdm_tables

if TYPE_CHECKING:
    import duckdb

_PARTS = ("run", "ledger", "reasons", "columns", "nlp", "promoted", "notices", "unmapped", "checks")
"""Queries of a run, `status_run.sql` and so on."""


def status(con: duckdb.DuckDBPyConnection, run_id: int) -> dict[str, Any]:
    """Give the books of a run, a list of rows for each part but `run`, and the rows of each table of the CDM.

    Args:
        con: A connection with the version that the run made.
        run_id: The run.
    """
    parts = {part: listed(con, sql("plait.etl", f"status_{part}"), {"run_id": run_id}) for part in _PARTS}
    tables = {table: _count(con, table) for table in sorted(cdm_tables()) if table not in VOCABULARY_TABLES or table == "source_to_concept_map"}
    return {**parts, "run": parts["run"][0], "tables": tables}


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """Give the number of rows of a table."""
    (rows,) = con.execute(f"SELECT count(*) FROM cdm.{quoted(table)}").fetchone() or (0,)
    return int(rows)
