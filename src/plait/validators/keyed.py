"""Rows that are joined with few of another table's: what a person's rows say together, and the rows of all tables that point at the same one.

A join costs what its rows and its keys cost. Of a person's rows the first and the last day tell whether any is before birth, and of the visits that rows of
several tables point at, one look-up serves all.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from plait.duck import quoted
from plait.validators.plan import REFERENCE, WHOLE_TYPES, alias_of, carried, place_of
from plait.validators.suite import Join, joins, named

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

    from plait.validators.plan import Figure

PERSON = Join("person_id", "person", "person_id")
_DAYS = frozenset({"DATE", "TIMESTAMP"})


def persons_of(table: str) -> str:
    """Give the name of the temporary table of the persons of a table's rows."""
    return f"persons_of_{table.replace('.', '_')}"


def own_columns(figure: Figure) -> list[str]:
    """Give the columns of its table that a figure names."""
    return sorted(column for alias, column in carried(figure.sql) if alias == "t")


def is_of_persons(figure: Figure, types: Mapping[str, str]) -> bool:
    """Tell whether the rows of a person decide a figure together: whose they are, or, where one day is compared with the person, their first and last."""
    if figure.is_total or figure.each | figure.exists != {PERSON}:
        return False
    days = [column for column in own_columns(figure) if column != PERSON.field]
    return not days if figure.exists else figure.first is not None and len(days) == 1 and types[days[0]] in _DAYS


def of_persons(con: duckdb.DuckDBPyConnection, table: str, figures: Sequence[Figure], person: str) -> dict[Figure, int]:
    """Make the temporary table `persons_of` of a table's rows, and give the figures that it decides: how many rows are nobody's, and what no row is.

    Args:
        con: The connection.
        table: The table.
        figures: Figures for which `is_of_persons` holds.
        person: The LEFT JOIN of the persons to `t`.
    """
    ends = sorted({(column, figure.first or "") for figure in figures if not figure.exists for column in own_columns(figure) if column != PERSON.field})
    cells: dict[tuple[str, str], str] = {end: f"end_{place}" for place, end in enumerate(ends)}
    told = "".join(f", {'min' if first == 'least' else 'max'}({quoted(column)}) AS {cell}" for (column, first), cell in cells.items())
    grouped = f"SELECT {quoted(PERSON.field)}, count(*) AS n{told} FROM {place_of(table)} GROUP BY {quoted(PERSON.field)}"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(persons_of(table))} AS {grouped}")
    asked = (f"sum(t.n) FILTER (WHERE {figure.sql})" if figure.exists else f"count_if({_at_end(figure, cells)})" for figure in figures)
    row = con.execute(f"SELECT {', '.join(asked)} FROM {quoted(persons_of(table))} AS t {person}").fetchone() or ()
    return {figure: int(number or 0) for figure, number in zip(figures, row, strict=True) if figure.exists or not number}


def _at_end(figure: Figure, cells: Mapping[tuple[str, str], str]) -> str:
    """Give a condition on a row as one on the value that it holds of first, of a person's rows."""

    def told(found: re.Match[str]) -> str:
        cell = cells.get((found[2] or found[3], figure.first or "")) if found[1] == "t" else None
        return f"t.{cell}" if cell else found[0]

    return REFERENCE.sub(told, figure.sql)


@dataclass(frozen=True, slots=True)
class Pointing:
    """Rows that point at another table's: by which field, and the one other field that figures compare with what they find, if there is one.

    Attributes:
        table: The table.
        field: The field that points.
        value: The other field.
        kind: DuckDB's type of that.
    """

    table: str
    field: str
    value: str | None
    kind: str


def pointed_at(figures: Iterable[Figure], types: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str, str], dict[Pointing, list[Figure]]]:
    """Put figures together that one look-up is for, by the table and key that are pointed at and the kind of what is compared; not those of one table.

    Args:
        figures: Figures of one join each, which has at most one row for each row.
        types: DuckDB's types, by table and column.
    """
    found: dict[tuple[str, str, str], dict[Pointing, list[Figure]]] = {}
    for (table, join), those in groupby(sorted(figures, key=_pointed), key=_pointed):
        of = list(those)
        values = sorted({column for figure in of for column in own_columns(figure)} - {join[0]})
        if len(values) <= 1:
            kind = types[table][values[0]] if values else "DATE"
            place = Pointing(table, join[0], values[0] if values else None, kind)
            found.setdefault((join[1], join[2], kind), {})[place] = of
    return {key: places for key, places in found.items() if len(places) > 1}


def _pointed(figure: Figure) -> tuple[str, tuple[str, str, str]]:
    (join,) = figure.each | figure.exists
    return figure.table, (join.field, join.table, join.key)


def look_up(con: duckdb.DuckDBPyConnection, key: tuple[str, str, str], places: Mapping[Pointing, Sequence[Figure]]) -> dict[Figure, int]:
    """Count the figures of rows of several tables that point at one."""
    table, column, kind = key
    conditions: dict[str, None] = {}
    of: list[tuple[int, str, Figure]] = []
    wanted: dict[str, str] = {}
    for number, (place, figures) in enumerate(places.items()):
        for figure in figures:
            text = _on_pointed(figure, place, wanted)
            conditions.setdefault(text)
            of.append((number, text, figure))
    parts = []
    for number, place in enumerate(places):
        value = quoted(place.value) if place.value else f"CAST(NULL AS {kind})"
        parts.append(f"SELECT {number} AS place, {quoted(place.field)} AS k, {value} AS v FROM {place_of(place.table)}")
    target = ", ".join([quoted(column), *(f"{expression} AS {quoted(name)}" for name, expression in sorted(wanted.items()) if name != column)])
    query = (
        f"SELECT place, {', '.join(f'count_if({text})' for text in conditions)} FROM ({' UNION ALL '.join(parts)}) AS t "
        f"LEFT JOIN (SELECT {target} FROM {place_of(table)}) AS j ON t.k = j.{quoted(column)} GROUP BY place"
    )
    counted = {place: dict(zip(conditions, numbers, strict=True)) for place, *numbers in con.execute(query).fetchall()}
    return {figure: int(counted.get(number, {}).get(text) or 0) for number, text, figure in of}


def _on_pointed(figure: Figure, place: Pointing, wanted: dict[str, str]) -> str:
    """Give a figure's condition on `t`, what points, and `j`, what is pointed at; note the columns that it names of that."""
    (join,) = figure.each | figure.exists
    alias, entry = alias_of(join), joins().get(named(join) or "")

    def told(found: re.Match[str]) -> str:
        name, column = found[1], found[2] or found[3]
        if name == "t":
            return "t.k" if column == place.field else "t.v"
        wanted[column] = entry.expressions.get(column, quoted(column)) if entry is not None else quoted(column)
        return f"j.{quoted(column)}"

    return REFERENCE.sub(told, figure.sql).replace(f"{quoted(alias)}.{quoted(join.key)}", f"j.{quoted(join.key)}")


def repeated(con: duckdb.DuckDBPyConnection, table: str, key: str, kind: str) -> int:
    """Give the rows of a table whose key is that of another row, too.

    Of whole numbers that is seen without a table of them: a bit stands for each, in words of 64 that stand side by side.
    """
    column, place = quoted(key), place_of(table)
    if kind in WHOLE_TYPES:
        words = f"SELECT bit_or(CAST(1 AS UBIGINT) << CAST({column} & 63 AS UBIGINT)) AS word, count({column}) AS n FROM {place} GROUP BY {column} >> 6"
        (left,) = con.execute(f"SELECT coalesce(sum(n) - sum(bit_count(word)), 0) FROM ({words})").fetchone() or (0,)
        if not left:
            return 0
    grouped = f"SELECT count(*) AS n FROM {place} WHERE {column} IS NOT NULL GROUP BY {column} HAVING n > 1"
    (rows,) = con.execute(f"SELECT coalesce(sum(n), 0) FROM ({grouped})").fetchone() or (0,)
    return int(rows)
