"""Rows that are joined with few of another table's: what a person's rows say together, and the rows of all tables that point at the same one.

A join costs what its rows and its keys cost. Of a person's rows the first and the last day tell whether any is before birth, and of the visits that rows of
several tables point at, one look-up serves all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from plait.beside import Asked
from plait.duck import quoted
from plait.validators.plan import REFERENCE, TIME_TYPES, WHOLE_TYPES, alias_of, carried, place_of
from plait.validators.suite import Join, joins, named

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import duckdb

    from plait.beside import Beside
    from plait.validators.plan import Figure

PERSON = Join("person_id", "person", "person_id")


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
    return not days if figure.exists else figure.first is not None and len(days) == 1 and types[days[0]] in TIME_TYPES


@dataclass(frozen=True, slots=True)
class Gathered:
    """The temporary table `persons_of` of a table's rows: how many each person has, and their first and last days.

    Attributes:
        table: The table.
        asked: For each figure for which `is_of_persons` holds an aggregate over persons `t`.
    """

    table: str
    asked: Mapping[Figure, str]


def gather_persons(con: duckdb.DuckDBPyConnection, table: str, figures: Sequence[Figure]) -> Gathered:
    """Make the temporary table `persons_of` of a table's rows, for figures for which `is_of_persons` holds."""
    days: dict[str, str] = {}
    asked = {figure: f"sum(t.n) FILTER (WHERE {figure.sql})" if figure.exists else f"count_if({_at_end(figure, days)})" for figure in figures}
    cells = "".join(f", {expression} AS {name}" for expression, name in days.items())
    grouped = f"SELECT t.{quoted(PERSON.field)}, count(*) AS n{cells} FROM {place_of(table)} AS t GROUP BY t.{quoted(PERSON.field)}"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(persons_of(table))} AS {grouped}")
    return Gathered(table, asked)


def _at_end(figure: Figure, days: dict[str, str]) -> str:
    """Give a condition on a row as one on the day that it holds of first, of a person's rows; note that day."""

    def end(found: re.Match[str]) -> str:
        column = found[2] or found[3]
        if found[1] != "t" or column == PERSON.field:
            return found[0]
        day = f"{'min' if figure.first == 'least' else 'max'}(t.{quoted(column)})"
        return f"t.{days.setdefault(day, f'day_{len(days)}')}"

    return REFERENCE.sub(end, figure.sql)


def of_persons(con: duckdb.DuckDBPyConnection, gathered: Sequence[Gathered], person: str) -> tuple[dict[Figure, int], dict[str, int]]:
    """Give the figures that what was gathered of persons decides, and how many persons have rows in each table.

    Where persons have rows that offend, how many rows these are is to be counted.

    Args:
        con: The connection.
        gathered: What was gathered of each table.
        person: The LEFT JOIN of the persons to `t`, of whom no two have one key.
    """
    asked = list(dict.fromkeys(aggregate for one in gathered for aggregate in one.asked.values()))
    parts = (f"SELECT {place} AS place, * FROM {quoted(persons_of(one.table))}" for place, one in enumerate(gathered))
    having = f"count({quoted(PERSON.table)}.{quoted(PERSON.key)})"
    query = f"SELECT place, {', '.join([having, *asked])} FROM ({' UNION ALL BY NAME '.join(parts)}) AS t {person} GROUP BY place"
    counted = {place: (persons, dict(zip(asked, numbers, strict=True))) for place, persons, *numbers in con.execute(query).fetchall()}
    found: dict[Figure, int] = {}
    for place, one in enumerate(gathered):
        _, told = counted.get(place, (0, {}))
        numbers = {figure: int(told.get(aggregate) or 0) for figure, aggregate in one.asked.items()}
        found |= {figure: number for figure, number in numbers.items() if figure.exists or not number}
    return found, {one.table: counted[place][0] if place in counted else 0 for place, one in enumerate(gathered)}


def asks_for_rows(figure: Figure) -> str | None:
    """Give the table that a figure counts the persons without rows in, None where it counts something else."""
    if figure.table != PERSON.table or figure.is_total or figure.each or len(figure.exists) != 1:
        return None
    (join,) = figure.exists
    is_empty = figure.sql == f"{quoted(alias_of(join))}.{quoted(join.key)} IS NULL"
    return join.table if is_empty and (join.field, join.key) == (PERSON.key, PERSON.field) else None


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


class Keys:
    """How many rows of a table have a key that is another row's, too.

    Args:
        con: The connection.
        types: DuckDB's types, by table and column.
        empty: Tables that are known to have no rows.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, types: Mapping[str, Mapping[str, str]], empty: Collection[str] = ()) -> None:
        self._con, self._types, self._empty = con, types, empty
        self._asked: dict[tuple[str, str], Asked[int]] = {}

    def ask(self, keys: Iterable[tuple[str, str]], beside: Beside) -> None:
        """Have keys, (table, column) each, looked at on another connection; those that rows of other tables are joined by come first."""
        joined = {(entry.join.table, entry.join.key) for entry in joins().values()}
        for table, key in sorted({key for key in keys if key[0] not in self._empty}, key=lambda key: (key not in joined, key)):
            self._asked[table, key] = beside(partial(_repeated, table=table, key=key, kind=self._types[table][key]))

    def repeated(self, table: str, key: str) -> int:
        """Give the rows whose key is that of another row, too."""
        if table in self._empty:
            return 0
        if (table, key) not in self._asked:
            kind = self._types.get(table, {}).get(key, "")
            self._asked[table, key] = Asked(self._con, partial(_repeated, table=table, key=key, kind=kind))
        return self._asked[table, key].result()


def _repeated(con: duckdb.DuckDBPyConnection, table: str, key: str, kind: str) -> int:
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
