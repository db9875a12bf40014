"""Tallies: rows that are alike in some columns, counted once; what these columns decide is looked at once for each combination, not once a row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from plait.validators.plan import REFERENCE, VOCABULARY, WHOLE_TYPES, carried, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import duckdb

    from plait.validators.plan import Figure

_OF_CONCEPT = re.compile(r"(v\.\w+) = w\.concept(?: AND |$)")
"""How a condition begins that holds only of rows with the concept that is wanted."""


@dataclass(frozen=True, eq=False, slots=True)
class Tally:
    """Combinations of values of a table, with the number of rows that have each.

    Attributes:
        relation: They as SQL, with the number as `n`.
        cells: The columns that figures name, (alias, column) each, as SQL on the relation `v`.
        constants: The only value of columns of the table that have one, as SQL.
        rows: How many rows the table has.
        types: DuckDB's types of the table's columns.
        figures: What is to be counted.
    """

    relation: str
    cells: Mapping[tuple[str, str], str]
    constants: Mapping[str, str]
    rows: int
    types: Mapping[str, str]
    figures: Sequence[Figure]

    def on(self, text: str) -> str:
        """Give an expression on a row as one on a combination, `v`."""
        return REFERENCE.sub(lambda found: self.cells.get((found[1], found[2] or found[3]), found[0]), text)

    def concepts(self, field: str) -> str:
        """Give the concepts in a field, `concept`, and the number of rows that each is in, `n`, as FROM clause."""
        if field in self.constants:
            return f"(SELECT {self.constants[field]} AS concept, {self.rows} AS n WHERE {self.rows} > 0)"
        return f"(SELECT {self.cells['t', field]} AS concept, n FROM {self.relation} AS v)"


def evaluated(con: duckdb.DuckDBPyConnection, tallies: Sequence[Tally]) -> dict[Figure, int | str]:
    """Count the figures of tallies; a text in the place of a number says why it could not be counted."""
    _copy_vocabulary(con, tallies)
    described = {figure: tally for tally in tallies for figure in tally.figures if _is_described(tally, figure)}
    found = _described(con, described)
    for tally in tallies:
        for (*_, wanted), same in groupby(sorted((figure for figure in tally.figures if figure not in described), key=_sharing), key=_sharing):
            if wanted:
                found |= _wanted(con, list(same), tally.relation, tally.on, tally.cells)
            else:
                found |= halved(list(same), partial(_several, con, tally))
    return found


def halved(figures: list[Figure], count: Callable[[list[Figure]], Sequence[int]]) -> dict[Figure, int | str]:
    """Count figures together; where the engine refuses, each half by itself, so that what can be counted is."""
    try:
        return dict(zip(figures, count(figures), strict=True))
    except refusals() as error:
        if len(figures) == 1:
            return {figures[0]: refused(error)}
    middle = len(figures) // 2
    return halved(figures[:middle], count) | halved(figures[middle:], count)


def refusals() -> tuple[type[Exception], ...]:
    """Give the errors by which the engine refuses to count something, and not more than that."""
    import duckdb

    return duckdb.DataError, duckdb.ProgrammingError, duckdb.NotSupportedError


def refused(error: Exception) -> str:
    """Say why the engine would not count, without its words, which may show values."""
    kinds = {"ConversionException": "a value is not of the kind that the field is for", "BinderException": "a field is of another type than the check compares"}
    return kinds.get(type(error).__name__, f"the engine refused ({type(error).__name__})")


def _sharing(figure: Figure) -> tuple[str, str, str]:
    """Give what figures have in common that are counted together: what is joined, and the condition where they differ in what they want."""
    return (figure.vocabulary or "", figure.field, figure.sql if figure.wanted else "")


def _is_described(tally: Tally, figure: Figure) -> bool:
    """Tell whether a figure asks for nothing but the concept in one field, which those of all tables can be looked up together."""
    named = {column for alias, column in carried(figure.sql) if alias not in VOCABULARY}
    return figure.vocabulary is not None and named <= {figure.field} and tally.types[figure.field] in WHOLE_TYPES


def _copy_vocabulary(con: duckdb.DuckDBPyConnection, tallies: Iterable[Tally]) -> None:
    """Make temporary copies of the vocabulary, with the concepts that occur."""
    places = {tally.concepts(figure.field) for tally in tallies for figure in tally.figures if figure.vocabulary}
    if not places:
        return
    parts = [f"SELECT TRY_CAST(concept AS BIGINT) AS id FROM {place}" for place in sorted(places)]
    con.execute(f"CREATE OR REPLACE TEMP TABLE occurring AS SELECT DISTINCT id FROM ({' UNION ALL '.join(parts)}) WHERE id IS NOT NULL")
    for table in sorted({figure.vocabulary for tally in tallies for figure in tally.figures if figure.vocabulary}):
        occurs = f"v.{VOCABULARY[table]} = o.id"
        con.execute(f"CREATE OR REPLACE TEMP TABLE occurring_{table} AS SELECT v.* FROM {place_of(table)} AS v SEMI JOIN occurring AS o ON {occurs}")


def _described(con: duckdb.DuckDBPyConnection, tallies: Mapping[Figure, Tally]) -> dict[Figure, int | str]:
    """Count figures on the concepts of any tables' fields, which are put together with the number of their place."""
    places = {pair: number for number, pair in enumerate(dict.fromkeys((tally, figure.field) for figure, tally in tallies.items()))}
    if not places:
        return {}
    parts = [f"SELECT {number} AS place, concept, n FROM {tally.concepts(field)}" for (tally, field), number in places.items()]
    con.execute(f"CREATE OR REPLACE TEMP TABLE described AS SELECT place, concept, sum(n) AS n FROM ({' UNION ALL '.join(parts)}) GROUP BY ALL")
    found: dict[Figure, int | str] = {}
    alike: dict[tuple[str, str], list[Figure]] = {}
    for figure in tallies:
        alike.setdefault((figure.vocabulary or "", _on_concept(figure.sql)), []).append(figure)
    for figures in alike.values():
        at = [places[tallies[figure], figure.field] for figure in figures]
        found |= _wanted(con, figures, "described", _on_concept, {("t", figures[0].field): "v.concept"}, at)
    return found


def _on_concept(text: str) -> str:
    return REFERENCE.sub(lambda found: "v.concept" if found[1] == "t" else found[0], text)


def _wanted(
    con: duckdb.DuckDBPyConnection,
    figures: list[Figure],
    relation: str,
    on: Callable[[str], str],
    cells: Mapping[tuple[str, str], str],
    places: Sequence[int] | None = None,
) -> dict[Figure, int | str]:
    """Count figures of one condition that differ in what they want, and in the place that they want it of; all are refused where one is."""
    table, condition = figures[0].vocabulary, on(figures[0].sql)
    at = places or [0] * len(figures)
    described = f"LEFT JOIN occurring_{table} AS {table} ON {table}.{VOCABULARY[table]} = {cells['t', figures[0].field]}" if table else ""
    try:
        asked = _occurring(con, figures, relation, condition)
        rows = ", ".join(f"({number}, {at[number]}, {', '.join(figures[number].wanted or ())})" for number in asked)
        counted = con.execute(
            f"SELECT w.number, sum(v.n) FROM {relation} AS v {described} "
            f'INNER JOIN (VALUES {rows}) AS w (number, place, concept, concepts, "value", "values") '
            f"ON {'w.place = v.place AND ' if places else ''}({condition}) GROUP BY w.number"
        ).fetchall()
    except refusals() as error:
        return dict.fromkeys(figures, refused(error))
    numbers = dict(counted)
    return {figure: int(numbers.get(number, 0)) for number, figure in enumerate(figures)}


def _occurring(con: duckdb.DuckDBPyConnection, figures: Sequence[Figure], relation: str, condition: str) -> list[int]:
    """Give the numbers of figures to ask for: where they are of rows with one concept each, those whose concept occurs; one always, which may be refused."""
    found = _OF_CONCEPT.match(condition)
    if found is None:
        return list(range(len(figures)))
    ids = {str(concept) for (concept,) in con.execute(f"SELECT DISTINCT TRY_CAST({found[1]} AS BIGINT) FROM {relation} AS v").fetchall()}
    return [number for number, figure in enumerate(figures) if figure.wanted and figure.wanted[0] in ids] or [0]


def _several(con: duckdb.DuckDBPyConnection, tally: Tally, figures: list[Figure]) -> list[int]:
    """Count figures of several conditions."""
    aggregates = (tally.on(figure.sql) if figure.is_total else f"sum(v.n) FILTER (WHERE {tally.on(figure.sql)})" for figure in figures)
    row = con.execute(f"SELECT {', '.join(aggregates)} FROM {tally.relation} AS v").fetchone() or ()
    return [int(number or 0) for number in row]  # a sum of no row is null
