"""What is known of a table before its rows are read: how many there are, and of each column how many values, the least and the greatest.

Parquet files tell it of each of their row groups; of what is no Parquet, or does not tell, it is counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.duck import filled, literal, quoted, sql
from plait.validators.plan import TIME_TYPES, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb

_NUMBERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT"})
_NULLNESS = re.compile(r'\bt\.(?:"([^"]+)"|(\w+)) IS (NOT )?NULL\b')


@dataclass(frozen=True, slots=True)
class Extent:
    """What is known of a column.

    Attributes:
        filled: How many values it has.
        low: A value that none is below, as SQL; None where it is not known.
        high: A value that none is above.
    """

    filled: int
    low: str | None = None
    high: str | None = None


@dataclass(frozen=True, slots=True)
class Extents:
    """What is known of a table.

    Attributes:
        rows: How many rows it has.
        columns: What is known of each column.
        types: DuckDB's type of each column.
    """

    rows: int
    columns: Mapping[str, Extent]
    types: Mapping[str, str]

    def simplified(self, text: str) -> str:
        """Give an expression with what is known of values that are missing: true or false for `IS NULL` where no value is, or all are."""
        return _NULLNESS.sub(self._nullness, text).removeprefix("TRUE AND ")

    def count(self, condition: str) -> int | None:
        """Give of how many rows a simple condition is true, None where that is not known."""
        if condition in {"TRUE", "FALSE"}:
            return self.rows if condition == "TRUE" else 0
        found = _NULLNESS.fullmatch(condition)
        if found is None:
            return None
        filled = self.columns[found[1] or found[2]].filled
        return filled if found[3] else self.rows - filled

    def _nullness(self, found: re.Match[str]) -> str:
        filled = self.columns[found[1] or found[2]].filled
        if filled == self.rows:
            return "TRUE" if found[3] else "FALSE"
        return found[0] if filled else "FALSE" if found[3] else "TRUE"

    def value(self, column: str) -> str | None:
        """Give the one value that a column has in all rows, as SQL; None where there are more, or one is not known."""
        extent = self.columns[column]
        if not extent.filled:
            return f"CAST(NULL AS {self.types[column]})"
        return extent.low if extent.low is not None and extent.low == extent.high and extent.filled == self.rows else None


def extents_of(con: duckdb.DuckDBPyConnection, columns: Mapping[str, Mapping[str, str]], files: Mapping[str, Sequence[Path]]) -> dict[str, Extents]:
    """Give what is known of tables.

    Args:
        con: A connection that has the tables.
        columns: The tables, and the columns of each that matter, with DuckDB's types.
        files: The Parquet files that each is made of, as far as that is known: one of none is empty.
    """
    told = _told(con, columns, files) | {table: (0, dict.fromkeys(columns[table], Extent(0))) for table, of in files.items() if not of and table in columns}
    return {table: _extents(con, table, types, *told.get(table, (None, {}))) for table, types in columns.items()}


def _told(
    con: duckdb.DuckDBPyConnection, columns: Mapping[str, Mapping[str, str]], files: Mapping[str, Sequence[Path]]
) -> dict[str, tuple[int | None, dict[str, Extent]]]:
    """Give what the Parquet files of tables tell: the number of rows, and what is known of the columns that all files tell of."""
    pairs = [(str(file), table) for table, behind in files.items() if table in columns for file in behind]
    if not pairs:
        return {}
    query = filled(sql("plait.validators", "extents"), {"files": [file for file, _ in pairs], "tables": [table for _, table in pairs]})
    found: dict[str, tuple[int | None, dict[str, Extent]]] = {}
    for table, column, count, rows, values, *bounds in con.execute(query).fetchall():
        if column in columns[table] and count == len(files[table]) and values is not None:
            found.setdefault(table, (rows, {}))[1][column] = _extent(columns[table][column], values, bounds)
    return found


def _extent(kind: str, filled: int, bounds: Sequence[str | None]) -> Extent:
    """Give what is known of a column from its number of values, and its bounds as a number and as a time."""
    low, high = bounds[:2] if kind in _NUMBERS else bounds[2:]
    if kind not in _NUMBERS | TIME_TYPES or low is None or high is None:
        return Extent(filled)
    return Extent(filled, *(f"CAST({literal(bound)} AS {kind})" for bound in (low, high)))


def _extents(con: duckdb.DuckDBPyConnection, table: str, types: Mapping[str, str], rows: int | None, told: Mapping[str, Extent]) -> Extents:
    """Give what is known of a table, and count what its files do not tell."""
    missing = [column for column in types if column not in told]
    if rows is not None and not missing:
        return Extents(rows, told, types)
    asked = ["count(*)"]
    for column in missing:
        name, kind = quoted(column), types[column]
        asked.append(f"count({name})")
        least = (f"CAST({bound}({name}) AS VARCHAR)" if kind in _NUMBERS | TIME_TYPES else "NULL" for bound in ("min", "max"))
        asked.extend(least)
    row = con.execute(f"SELECT {', '.join(asked)} FROM {place_of(table)}").fetchone() or ()
    counted = {column: _extent(types[column], row[place], row[place + 1 : place + 3] * 2) for place, column in zip(range(1, len(row), 3), missing, strict=True)}
    return Extents(row[0], {**told, **counted}, types)
