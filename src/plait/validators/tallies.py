"""Tallies: rows that are alike in some columns, counted once; what these columns decide is looked at once for each combination, not once a row."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from plait.validators.plan import REFERENCE, VOCABULARY, carried, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import duckdb

    from plait.validators.plan import Figure


@dataclass(frozen=True, eq=False, slots=True)
class Tally:
    """Combinations of values of a table, with the number of rows that have each.

    Attributes:
        relation: They as SQL, with the number as `n`.
        cells: The columns that they are of, (alias, column) each, and what the relation calls them.
        fields: The fields that hold concepts, with their values as SQL on the relation `v`.
        whole: Those of them that hold whole numbers.
        figures: What is to be counted.
    """

    relation: str
    cells: Mapping[tuple[str, str], str]
    fields: Mapping[str, str]
    whole: frozenset[str]
    figures: Sequence[Figure]

    def on(self, text: str) -> str:
        """Give an expression on a row as one on a combination, `v`."""
        cells = self.cells
        return REFERENCE.sub(lambda found: f"v.{cells[found[1], found[2] or found[3]]}" if (found[1], found[2] or found[3]) in cells else found[0], text)


def evaluated(con: duckdb.DuckDBPyConnection, tallies: Sequence[Tally]) -> dict[Figure, int | str]:
    """Count the figures of tallies; a text in the place of a number says why it could not be counted."""
    _copy_vocabulary(con, tallies)
    found: dict[Figure, int | str] = {}
    for tally in tallies:
        for (_, _, of), same in groupby(sorted(tally.figures, key=_sharing), key=_sharing):
            figures = list(same)
            if of:
                found |= halved(figures, lambda some, tally=tally: _wanted(con, tally, some), smallest=len(figures))
            elif not _is_described(tally, figures[0]):
                found |= halved(figures, lambda some, tally=tally: _several(con, tally, some))
    described = {figure: tally for tally in tallies for figure in tally.figures if _is_described(tally, figure)}
    for table in sorted({figure.vocabulary or "" for figure in described}):
        found |= halved([figure for figure in described if figure.vocabulary == table], lambda some: _described(con, described, some))
    return found


def halved(figures: list[Figure], count: Callable[[list[Figure]], Sequence[int]], smallest: int = 1) -> dict[Figure, int | str]:
    """Count figures together; where the engine refuses, each half by itself, so that what can be counted is."""
    import duckdb

    try:
        return dict(zip(figures, count(figures), strict=True)) if figures else {}
    except (duckdb.DataError, duckdb.ProgrammingError, duckdb.NotSupportedError) as error:
        if len(figures) <= smallest:
            return dict.fromkeys(figures, refused(error))
    middle = len(figures) // 2
    return halved(figures[:middle], count) | halved(figures[middle:], count)


def refused(error: Exception) -> str:
    """Say why the engine would not count, without its words, which may show values."""
    kinds = {"ConversionException": "a value is not of the kind that the field is for", "BinderException": "a field is of another type than the check compares"}
    return kinds.get(type(error).__name__, f"the engine refused ({type(error).__name__})")


def _sharing(figure: Figure) -> tuple[str, str, str]:
    """Give what figures have in common that are counted together: what is joined, and the condition where they differ in what they want."""
    return (figure.vocabulary or "", figure.field, figure.sql if figure.wanted else "")


def _is_described(tally: Tally, figure: Figure) -> bool:
    """Tell whether a figure asks for nothing but a concept, which all tables' can be looked up together."""
    own = {column for alias, column in carried(figure.sql) if alias not in VOCABULARY}
    return figure.vocabulary is not None and figure.wanted is None and own <= {figure.field} and figure.field in tally.whole


def _copy_vocabulary(con: duckdb.DuckDBPyConnection, tallies: Iterable[Tally]) -> None:
    """Make temporary copies of the vocabulary, with the concepts that occur."""
    pairs = {(tally.relation, tally.fields[figure.field]) for tally in tallies for figure in tally.figures if figure.vocabulary}
    if not pairs:
        return
    parts = [f"SELECT TRY_CAST({value} AS BIGINT) AS id FROM {relation} AS v" for relation, value in sorted(pairs)]
    con.execute(f"CREATE OR REPLACE TEMP TABLE occurring AS SELECT DISTINCT id FROM ({' UNION ALL '.join(parts)}) WHERE id IS NOT NULL")
    for table in sorted({figure.vocabulary for tally in tallies for figure in tally.figures if figure.vocabulary}):
        occurs = f"v.{VOCABULARY[table]} = o.id"
        con.execute(f"CREATE OR REPLACE TEMP TABLE occurring_{table} AS SELECT v.* FROM {place_of(table)} AS v SEMI JOIN occurring AS o ON {occurs}")


def _several(con: duckdb.DuckDBPyConnection, tally: Tally, figures: list[Figure]) -> list[int]:
    """Count figures of several conditions."""
    aggregates = (tally.on(figure.sql) if figure.is_total else f"sum(v.n) FILTER (WHERE {tally.on(figure.sql)})" for figure in figures)
    return _numbers(con, f"SELECT {', '.join(aggregates)} FROM {tally.relation} AS v {_vocabulary_join(figures[0], tally.fields)}")


def _wanted(con: duckdb.DuckDBPyConnection, tally: Tally, figures: list[Figure]) -> list[int]:
    """Count figures of one condition that differ in what they want."""
    rows = ", ".join(f"({number}, {', '.join(figure.wanted or ())})" for number, figure in enumerate(figures))
    counted = con.execute(
        f"SELECT w.number, sum(v.n) FROM {tally.relation} AS v {_vocabulary_join(figures[0], tally.fields)} "
        f'INNER JOIN (VALUES {rows}) AS w (number, concept, concepts, "value", "values") ON {tally.on(figures[0].sql)} GROUP BY w.number'
    ).fetchall()
    numbers = dict(counted)
    return [int(numbers.get(number, 0)) for number in range(len(figures))]


def _described(con: duckdb.DuckDBPyConnection, tallies: Mapping[Figure, Tally], figures: list[Figure]) -> list[int]:
    """Count figures on concepts of any tables' fields, which are looked up together."""
    places = {pair: number for number, pair in enumerate(dict.fromkeys((tallies[figure], figure.field) for figure in figures))}
    parts = [f"SELECT {number} AS place, {tally.fields[field]} AS concept, n FROM {tally.relation} AS v" for (tally, field), number in places.items()]
    values = f"(SELECT place, concept, sum(n) AS n FROM ({' UNION ALL '.join(parts)}) GROUP BY ALL)"
    counted = []
    for figure in figures:
        condition = REFERENCE.sub(lambda found: "v.concept" if found[1] == "t" else found[0], figure.sql)
        counted.append(f"sum(v.n) FILTER (WHERE v.place = {places[tallies[figure], figure.field]} AND ({condition}))")
    return _numbers(con, f"SELECT {', '.join(counted)} FROM {values} AS v {_vocabulary_join(figures[0], {figures[0].field: 'v.concept'})}")


def _vocabulary_join(figure: Figure, fields: Mapping[str, str]) -> str:
    table = figure.vocabulary
    return f"LEFT JOIN occurring_{table} AS {table} ON {table}.{VOCABULARY[table]} = {fields[figure.field]}" if table else ""


def _numbers(con: duckdb.DuckDBPyConnection, query: str) -> list[int]:
    return [int(number or 0) for number in con.execute(query).fetchone() or ()]
