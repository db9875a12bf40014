"""Validating: a CDM on a connection, against the checks of its version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.validators.counting import Counter
from plait.validators.judge import Result, judge
from plait.validators.plan import plan

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import duckdb

    from plait.etl.run import Progress
    from plait.validators.suite import Check


def columns_of(con: duckdb.DuckDBPyConnection, schema: str = "cdm") -> dict[str, dict[str, str]]:
    """Give the tables of a schema with their columns and DuckDB's types, names in lower case."""
    found: dict[str, dict[str, str]] = {}
    query = "SELECT lower(table_name), lower(column_name), data_type FROM duckdb_columns() WHERE schema_name = $schema AND database_name = current_database()"
    for table, column, kind in con.execute(query, {"schema": schema}).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def validate(con: duckdb.DuckDBPyConnection, checks: Sequence[Check], *, today: dt.date, progress: Progress) -> list[Result]:
    """Check the CDM in the schema `cdm` of a connection.

    Args:
        con: The connection; temporary tables are made on it.
        checks: What to check, see `plait.validators.suite.checks_of`.
        today: The date that checks compare with.
        progress: Hears of tables that were scanned.
    """
    columns = columns_of(con)
    planned = [plan(check, columns, today) for check in checks]
    found, own, facts = Counter(con, columns).count(planned, progress)
    return [judge(one, found, own, facts, columns) for one in planned]
