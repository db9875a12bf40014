"""The CDM and plait's books in the schemas `cdm` and `plait` of a connection, examined by counting: all checks of a table in one scan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from plait.beside import beside
from plait.duck import sql
from plait.errors import ConfigError
from plait.schema import cdm_tables
from plait.validators.counting import Counter
from plait.validators.examiner import Listed
from plait.validators.judge import Result, judge
from plait.validators.keyed import Keys
from plait.validators.plan import Unanswerable, plan_all, rows_query
from plait.validators.suite import Check, checks_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

    from plait.progress import Progress

_KEYS = {"death": "person_id"}
"""Tables whose rows the lineage names by another column than an id of their own."""


class Queries(Mapping[str, str]):
    """The SELECT of the rows that offend a check, by the check's id, of those of which there is one; each is made when it is asked for.

    Args:
        checks: The checks.
        columns: The tables and columns of the CDM, as `columns_of` gives them.
        today: The date that checks compare with.
    """

    def __init__(self, checks: Iterable[Check], columns: Mapping[str, Mapping[str, str]], today: dt.date) -> None:
        self._checks, self._columns, self._today = {check.id: check for check in checks}, columns, today

    def __getitem__(self, name: str) -> str:
        query = self.of(self._checks[name])
        if query is None:
            raise KeyError(name)
        return query

    def __iter__(self) -> Iterator[str]:
        return (name for name, check in self._checks.items() if self.of(check) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def of(self, check: Check) -> str | None:
        """Give the SELECT of the rows that offend a check; None where no SELECT does, or the CDM cannot answer."""
        try:
            return rows_query(check, self._columns, self._today)
        except Unanswerable:
            return None


@dataclass(frozen=True)
class CdmExaminer:
    """Examines a CDM.

    Attributes:
        con: The connection; temporary tables are made on it.
        version: The version of the CDM.
        today: The date that checks compare with.
        has_lineage: Whether the books that lead to source records are there.
        files: The Parquet files that tables are made of, as far as that is known: they tell what need not be counted, and a table of none is empty.
    """

    con: duckdb.DuckDBPyConnection
    version: str
    today: dt.date
    has_lineage: bool
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)

    def checks(self) -> tuple[Check, ...]:
        """Give every check of a CDM of this version."""
        return checks_of(self.version)

    def examine(self, checks: Sequence[Check], progress: Progress) -> list[Result]:
        """Make these checks."""
        return examine_cdm(self.con, checks, today=self.today, progress=progress, files=self.files, columns=self.columns)

    def query(self, check: Check) -> str | None:
        """Give the SELECT of the rows that offend a check."""
        return self.queries((check,)).of(check)

    def queries(self, checks: Iterable[Check]) -> Queries:
        """Give the SELECTs of the rows that offend checks, which can be asked for when the connection is closed."""
        return Queries(checks, self.columns, self.today)

    def offending(self, check: Check, limit: int | None) -> Listed:
        """Give the rows that offend a check, with the source records behind each."""
        try:
            query = rows_query(check, self.columns, self.today)
        except Unanswerable as missing:
            raise ConfigError(check.id, expected="a check that this CDM can answer", got=str(missing), todo="See `plait validate`.") from None
        if query is None:
            raise ConfigError(check.id, expected="a check of rows", got="one of a table or a field", todo="See `plait validate`.")
        result = self.con.execute(f"SELECT * FROM ({query}) ORDER BY ALL" + (f" LIMIT {limit:d}" if limit is not None else ""))
        names = tuple(column[0] for column in result.description or [])
        rows = tuple(result.fetchall())
        return Listed(names, rows, records_of(self.con, check.scan, names, rows) if self.has_lineage else (), query)

    @cached_property
    def columns(self) -> dict[str, dict[str, str]]:
        """Its tables and their columns, as `columns_of` gives them."""
        return columns_of(self.con)


def records_of(con: duckdb.DuckDBPyConnection, table: str, names: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]) -> tuple[tuple[dict[str, Any], ...], ...]:
    """Give the source records behind each of a table's rows, where the values of a row have these names; nothing if none tells the row's id."""
    spec = cdm_tables().get(table)
    key = _KEYS.get(table) or (spec.id_column if spec else None)
    return records_behind(con, table, [row[names.index(key)] for row in rows]) if key in names else ()


def records_behind(con: duckdb.DuckDBPyConnection, table: str, ids: Sequence[int | None]) -> tuple[tuple[dict[str, Any], ...], ...]:
    """Give the source records behind rows of a table of a study's CDM, or behind what they were made of: `source`, `file`, `record`, `role` each."""
    behind: dict[int | None, list[dict[str, Any]]] = {}
    known = sorted({row_id for row_id in ids if row_id is not None})
    for row_id, *record in con.execute(sql("plait.validators", "row_records"), {"table": table, "ids": known}).fetchall() if known else ():
        behind.setdefault(row_id, []).append(dict(zip(("source", "file", "record", "role"), record, strict=True)))
    return tuple(tuple(behind.get(row_id, ())) for row_id in ids)


def columns_of(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Give the tables of the schemas `cdm` and `plait` with their columns and DuckDB's types, in lower case; those of `plait` have it in their name."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in con.execute(sql("plait.validators", "columns")).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def examine_cdm(
    con: duckdb.DuckDBPyConnection,
    checks: Sequence[Check],
    *,
    today: dt.date,
    progress: Progress,
    files: Mapping[str, Sequence[Path]] | None = None,
    columns: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Result]:
    """Check the CDM in the schema `cdm` of a connection.

    Args:
        con: The connection; temporary tables are made on it.
        checks: What to check, see `plait.validators.suite.checks_of`.
        today: The date that checks compare with.
        progress: Hears of tables that were scanned.
        files: The Parquet files that tables are made of, as far as that is known: a table of none is empty.
        columns: What `columns_of` gives, if that was asked before.
    """
    columns = columns or columns_of(con)
    keys = Keys(con, columns, {table for table, of in (files or {}).items() if not of})
    with beside(con) as other:
        keys.ask(((check.table, check.field) for check in checks if check.asks_for_key and check.field in columns.get(check.table, ())), other)
        planned = plan_all(checks, columns, today)
        found, own, facts = Counter(con, columns, keys, files or {}).count(planned, other, progress)
    return [judge(one, found, own, facts, columns) for one in planned]
