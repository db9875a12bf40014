"""Counting: what is known of a table without reading it, what its values decide from a tally of them, the rest in one scan, and keys by themselves.

A figure that the engine refuses, as one on a column of another type is, is found by halving and put aside; the others are counted.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import groupby
from typing import TYPE_CHECKING

from plait.duck import quoted
from plait.validators.extents import extents_of
from plait.validators.keyed import PERSON, Gathered, Keys, asks_for_rows, gather_persons, is_of_persons, look_up, of_persons, persons_of, pointed_at
from plait.validators.plan import VOCABULARY, WHOLE_TYPES, Figure, Planned, alias_of, carried, is_grouped, join_sql, place_of
from plait.validators.tallies import Tally, evaluated, halved, refusals, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb

    from plait.beside import Beside
    from plait.progress import Progress
    from plait.validators.extents import Extents
    from plait.validators.keyed import Pointing
    from plait.validators.suite import Join

_VALUED = ("concept_id", "source_value")
"""How fields end that few values are expected of."""
_NULLNESS = re.compile(r'([\w"]+\.[\w"]+) IS (NOT )?NULL')
_SAMPLE = 2_048
_SMALL = 200_000
"""Rows of a table whose combinations are tallied together, however many they are."""
_FEW = 0.2
"""Of the first rows of a table, the share that the combinations of their values may be for a tally of all fields together."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides whether a check applies: rows of each table, and rows with a value in each of its fields."""

    rows: Mapping[str, int]
    filled: Mapping[tuple[str, str], int]


@dataclass
class Counter:
    """Counts figures on a connection whose schema `cdm` holds a CDM.

    Attributes:
        con: The connection; temporary tables are made on it.
        columns: Its tables and their columns.
        keys: What tells which keys are there more than once.
        files: The Parquet files behind tables, as far as there are some.
    """

    con: duckdb.DuckDBPyConnection
    columns: Mapping[str, Mapping[str, str]]
    keys: Keys
    files: Mapping[str, Sequence[Path]]
    _extents: dict[str, Extents] = field(default_factory=dict)
    _found: dict[Figure, int | str] = field(default_factory=dict)
    _tallies: list[Tally] = field(default_factory=list)
    _grouped: set[str] = field(default_factory=set)
    _having: dict[str, int] = field(default_factory=dict)

    def count(self, planned: Sequence[Planned], beside: Beside, progress: Progress) -> tuple[dict[Figure, int | str], dict[str, int | str], Facts]:
        """Count all figures.

        What is planned more than counted comes first here, and what is counted more than planned beside it.

        Args:
            planned: The checks and their figures.
            beside: Has something found on another connection; see `plait.beside.beside`.
            progress: Hears of tables that were scanned.

        Returns:
            The figures; the violations of checks with a query of their own, by id; and what decides whether checks apply.
            A text in the place of a number says why it could not be counted.
        """
        figures = list(dict.fromkeys(figure for one in planned for figure in (one.violated, one.counted) if figure is not None))
        self._extents = extents_of(self.con, self._asked(planned, figures), self.files)
        simplified = {figure: self._simplified(figure) for figure in figures}
        wanted = sorted(dict.fromkeys(simplified.values()), key=lambda figure: (figure.table == PERSON.table, figure.table))
        left = {table: self._left(table, list(of_table)) for table, of_table in groupby(wanted, key=lambda figure: figure.table)}
        named = {figure: self._columns(figure) for rest in left.values() for figure in rest}
        valued = {figure: columns for figure, columns in named.items() if _is_valued(figure, columns)}
        apart = {figure for rest in left.values() for figure in rest if figure not in valued and self._stands_apart(figure)}
        others = [beside(work) for work in self._apart(apart)]
        own = [beside(work) for work in _own_counts(planned)]
        of_values = {table: {figure: valued[figure] for figure in rest if figure in valued} for table, rest in left.items()}
        few = self._are_few({table: _plain(of) for table, of in of_values.items()})
        for table, of in of_values.items():
            for columns, tallied in _combined(of, is_few=table in few):
                self._tally(table, columns, tallied)
        self._found |= evaluated(self.con, self._tallies)
        joined = {table: [figure for figure in rest if figure not in valued and figure not in apart] for table, rest in left.items()}
        self._found |= self._of_persons({table: [one for one in those if is_of_persons(one, self._extents[table].types)] for table, those in joined.items()})
        without = {figure: table for figure in joined.get(PERSON.table, ()) if (table := asks_for_rows(figure)) in self._having}
        self._found |= {figure: self._extents[PERSON.table].rows - self._having[table] for figure, table in without.items()}
        for table, those in joined.items():
            self._scan(table, [figure for figure in those if figure not in self._found])
            progress("validate", 0)
        for other in others[::-1]:  # those that are last have not begun, maybe, and are counted here
            self._found |= other.result()
        for table, rest in left.items():
            self._scan(table, [figure for figure in rest if figure not in self._found])
        facts = Facts(
            {table: extents.rows for table, extents in self._extents.items()},
            {(table, column): extent.filled for table, extents in self._extents.items() for column, extent in extents.columns.items()},
        )
        return (
            {figure: self._found[simple] for figure, simple in simplified.items()},
            {name: number for asked in reversed(own) for name, number in asked.result().items()} | self._own_keys(planned),
            facts,
        )

    def _asked(self, planned: Sequence[Planned], figures: Sequence[Figure]) -> dict[str, dict[str, str]]:
        """Give the tables and columns that checks are about or figures name, with DuckDB's types."""
        asked: dict[str, set[str]] = {}
        for check in (one.check for one in planned):
            asked.setdefault(check.table, set()).add(check.field)
        for figure in figures:
            asked.setdefault(figure.table, set()).update({figure.field}, (column for alias, column in carried(figure.sql) if alias == "t"))
        return {
            table: {name: kind for name, kind in self.columns[table].items() if name in asked[table]} for table in sorted(asked.keys() & self.columns.keys())
        }

    def _simplified(self, figure: Figure) -> Figure:
        """Give a figure with what is known in its expression, but where figures share theirs."""
        text = figure.sql if figure.wanted else self._extents[figure.table].simplified(figure.sql)
        return figure if text == figure.sql else replace(figure, sql=text)

    def _stands_apart(self, figure: Figure) -> bool:
        """Tell whether a figure needs nothing that others make: it is of rows alone, or of rows that point at one of another table's each."""
        joined = figure.each | figure.exists
        if not joined:
            return True
        if figure.is_total or len(joined) > 1 or PERSON in joined:
            return False
        (join,) = joined
        return not is_grouped(join) and join.key == f"{join.table}_id" and self.keys.repeated(join.table, join.key) == 0

    def _apart(self, figures: Collection[Figure]) -> Iterator[Callable[[duckdb.DuckDBPyConnection], dict[Figure, int | str]]]:
        """Give what counts figures that stand apart, as far as the engine counts them together: what looks up other rows, and what scans a table."""
        joined = [one for one in figures if one.each | one.exists]
        for key, places in pointed_at(joined, {name: one.types for name, one in self._extents.items()}).items():
            yield partial(_looked_up, key, places)
        alone = sorted((one for one in figures if not one.each | one.exists), key=lambda one: (-self._extents[one.table].rows, one.table))
        for table, those in groupby(alone, key=lambda one: one.table):
            yield partial(self._halved, table, list(those))

    def _halved(self, table: str, figures: list[Figure], con: duckdb.DuckDBPyConnection) -> dict[Figure, int | str]:
        return halved(figures, partial(self._scanned, con, table, frozenset()))

    def _own_keys(self, planned: Iterable[Planned]) -> dict[str, int | str]:
        """Give the violations of checks of keys, which are looked at meanwhile."""
        asked = [one.check for one in planned if one.check.asks_for_key and one.unanswerable is None and one.inapplicable is None]
        return {check.id: _or_refused(partial(self.keys.repeated, check.table, check.field)) for check in asked}

    def _left(self, table: str, figures: list[Figure]) -> list[Figure]:
        """Count the figures of a table that are known without reading it, and give the others."""
        known = {figure: number for figure in figures if not figure.is_total and (number := self._extents[table].count(figure.sql)) is not None}
        known |= self._decided(table, [figure for figure in figures if figure.first and not figure.each and figure not in known])
        self._found |= known
        return [figure for figure in figures if figure not in known]

    def _scan(self, table: str, figures: Sequence[Figure]) -> None:
        """Count figures of a table in one scan, and in one more for each set of joins whose keys are not unique."""
        many = {figure: self._many(figure) for figure in figures}
        for joined in sorted(set(many.values()), key=lambda joined: (len(joined), sorted(joined))):
            self._found |= halved([figure for figure in many if many[figure] == joined], partial(self._scanned, self.con, table, joined))

    def _of_persons(self, figures: Mapping[str, Sequence[Figure]]) -> dict[Figure, int | str]:
        """Give the figures of tables that the rows of a person decide together, as far as they do."""
        gathered: list[Gathered] = []
        for table, those in figures.items():
            if those and not self._is_many(PERSON):
                with suppress(*refusals()):  # a scan finds which one the engine refuses
                    gathered.append(gather_persons(self.con, table, those))
                    self._grouped.add(table)
        of_kinds = sorted(gathered, key=lambda one: self._kind_of_person(one.table))
        found: dict[Figure, int | str] = {}
        for _, alike in groupby(of_kinds, key=lambda one: self._kind_of_person(one.table)):
            found |= self._decided_together(list(alike))
        return found

    def _kind_of_person(self, table: str) -> str:
        """Give the type of a table's persons; whole numbers are of one kind, and nothing else is compared as something that it is not."""
        kind = self.columns[table].get(PERSON.field, "")
        return "" if kind in WHOLE_TYPES else kind

    def _decided_together(self, gathered: Sequence[Gathered]) -> dict[Figure, int | str]:
        """Give what the persons of tables decide, of those that the engine looks up together with others or alone."""
        if not gathered:
            return {}
        person = join_sql(PERSON, "LEFT JOIN", carried=_named(figure for one in gathered for figure in one.asked))
        try:
            found, having = of_persons(self.con, gathered, person)
        except refusals():
            middle = len(gathered) // 2
            return self._decided_together(gathered[:middle]) | self._decided_together(gathered[middle:]) if middle else {}
        self._having |= {table: persons for table, persons in having.items() if self._kind_of_person(table) == self._kind_of_person(PERSON.table)}
        return dict(found)

    def _decided(self, table: str, figures: list[Figure]) -> dict[Figure, int]:
        """Give the figures of conditions that hold of the least and of the greatest value of their field, and so of all, or of neither, and so of none."""
        extents, decided = self._extents[table], {}
        fields = {figure: column for figure in figures for _, column in carried(figure.sql) if extents.columns[column].low is not None}
        names = sorted(set(fields.values()))
        if not names:
            return {}
        ends = (", ".join(str(getattr(extents.columns[name], end)) for name in names) for end in ("low", "high"))
        rows = f"(VALUES ({'), ('.join(ends)})) AS t ({', '.join(map(quoted, names))})"
        try:
            row = self.con.execute(f"SELECT {', '.join(f'count_if({figure.sql})' for figure in fields)} FROM {rows}").fetchone() or ()
        except refusals():
            return {}  # the scan finds which one the engine refuses
        for (figure, column), number in zip(fields.items(), row, strict=True):
            if number != 1:
                decided[figure] = extents.columns[column].filled if number else 0
        return decided

    def _columns(self, figure: Figure) -> frozenset[tuple[str, str]]:
        """Give the columns that decide a figure, but for those that have one value."""
        extents = self._extents[figure.table]
        return frozenset((alias, column) for alias, column in _named([figure]) if alias != "t" or extents.value(column) is None)

    def _constants(self, table: str, figures: Iterable[Figure]) -> dict[str, str]:
        """Give the columns that figures name and that have one value, as SQL."""
        extents = self._extents[table]
        return {column: value for alias, column in sorted(_named(figures)) if alias == "t" and (value := extents.value(column)) is not None}

    def _are_few(self, columns: Mapping[str, frozenset[tuple[str, str]]]) -> set[str]:
        """Give the tables of which the combinations of values of some columns are few, by their first rows."""
        unknown = [table for table, pairs in columns.items() if len(pairs) > 1 and self._extents[table].rows > _SMALL]
        if not unknown:
            return set(columns)
        asked = []
        for table in unknown:
            names = ", ".join(quoted(column) for _, column in sorted(columns[table]))
            asked.append(f"(SELECT count(*) FROM (SELECT DISTINCT * FROM (SELECT {names} FROM {place_of(table)} LIMIT {_SAMPLE})))")
        row = self.con.execute(f"SELECT {', '.join(asked)}").fetchone() or ()
        return columns.keys() - {table for table, distinct in zip(unknown, row, strict=True) if distinct > _FEW * _SAMPLE}

    def _tally(self, table: str, columns: frozenset[tuple[str, str]], figures: list[Figure]) -> None:
        """Count the combinations of values of some columns, for figures that these decide."""
        extents, name = self._extents[table], f"tally_{len(self._tallies)}"
        grouped = {pair: f"c{place}" for place, pair in enumerate(sorted(columns))}
        constant = self._constants(table, figures)
        cells = grouped | {("t", column): f"k{place}" for place, column in enumerate(constant)}
        beside = "".join(f", {value} AS {cells['t', column]}" for column, value in constant.items())
        if columns:
            selected = ", ".join(f"{alias}.{quoted(column)} AS {cell}" for (alias, column), cell in grouped.items())
            rows = self._rows(table, figures, {join for figure in figures for join in self._many(figure)})
            counted = f"(SELECT {selected}, count(*) AS n {rows} GROUP BY ALL)"
        else:
            counted = f"(SELECT {extents.rows} AS n WHERE {extents.rows} > 0)"
        try:
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT *{beside} FROM {counted}")
        except refusals() as error:
            self._found |= dict.fromkeys(figures, refused(error))
            return
        self._tallies.append(Tally(name, {pair: f"v.{cell}" for pair, cell in cells.items()}, constant, extents.rows, extents.types, figures))

    def _many(self, figure: Figure) -> frozenset[Join]:
        """Give the joins of a figure whose keys are not unique."""
        return frozenset(join for join in figure.each if self._is_many(join))

    def _is_many(self, join: Join) -> bool:
        return not is_grouped(join) and self.keys.repeated(join.table, join.key) > 0

    def _scanned(self, con: duckdb.DuckDBPyConnection, table: str, many: frozenset[Join], figures: list[Figure]) -> list[int]:
        """Count figures in one scan."""
        aggregates = [figure.sql if figure.is_total else _counting(figure.sql) for figure in figures]
        distinct = list(dict.fromkeys(aggregates))
        row = con.execute(f"SELECT {', '.join(distinct)} {self._rows(table, figures, many)}").fetchone() or ()
        numbers = dict(zip(distinct, row, strict=True))
        return [int(numbers[aggregate] or 0) for aggregate in aggregates]  # count_if of no row is null

    def _rows(self, table: str, figures: list[Figure], many: Iterable[Join]) -> str:
        """Give the FROM clause with all that figures name."""
        each = {join for figure in figures for join in figure.each}
        exists = {join for figure in figures for join in figure.exists} - (each - set(many))
        names = _named(figures)
        known = ", ".join(f"{value} AS {quoted(column)}" for column, value in self._constants(table, figures).items())
        place = f"(SELECT * REPLACE ({known}) FROM {place_of(table)})" if known else place_of(table)
        joined = [join_sql(join, "INNER JOIN" if join in many else "LEFT JOIN", carried=names) for join in sorted(each)]
        joined += [self._exists(join) for join in sorted(exists - set(many))]
        return f"FROM {place} AS t {' '.join(joined)}"

    def _exists(self, join: Join) -> str:
        """Give the JOIN clause of what is only asked for: of persons of a table that are known already, these."""
        if join.key == PERSON.key and join.table in self._grouped:
            alias = quoted(alias_of(join))
            return f"LEFT JOIN {quoted(persons_of(join.table))} AS {alias} ON t.{quoted(join.field)} = {alias}.{quoted(join.key)}"
        return join_sql(join, "LEFT JOIN", distinct=self._is_repeated(join))

    def _is_repeated(self, join: Join) -> bool:
        """Tell whether a key that a join asks for may be there more than once: always, where it is no table's own."""
        return join.key != f"{join.table}_id" or self.keys.repeated(join.table, join.key) > 0


def _looked_up(key: tuple[str, str, str], places: Mapping[Pointing, Sequence[Figure]], con: duckdb.DuckDBPyConnection) -> dict[Figure, int | str]:
    """Give the figures of rows that point at one of another table, none where the engine refuses: a scan finds which one it is."""
    with suppress(*refusals()):
        return dict(look_up(con, key, places))
    return {}


def _own_counts(planned: Iterable[Planned]) -> Iterator[Callable[[duckdb.DuckDBPyConnection], dict[str, int | str]]]:
    """Yield what counts the violations of checks whose type has a query of its own, by id, and of what these are of where there is one for that too."""
    asked = [one for one in planned if one.unanswerable is None and one.inapplicable is None]
    alike: dict[str, list[Planned]] = {}
    for one in asked:
        if one.counted_by is not None:
            yield partial(_counted, {f"{one.check.id} counted": one.counted_by})
        if one.clears is not None:
            alike.setdefault(one.clears[0], []).append(one)
        elif one.own is not None:
            yield partial(_counted, {one.check.id: one.own})
    for rows, those in alike.items():
        yield partial(_cleared, rows, those)


def _cleared(rows: str, those: Sequence[Planned], con: duckdb.DuckDBPyConnection) -> dict[str, int | str]:
    """Give the violations of checks that one query can clear together: of each that it does not, they are counted by its own."""
    left = list(those)
    with suppress(*refusals()):  # its own query finds which one the engine refuses
        counts = ", ".join(f"count_if({one.clears[1]})" for one in those if one.clears)
        left = [one for one, number in zip(those, con.execute(f"SELECT {counts} {rows}").fetchone() or (), strict=True) if number]
    return {one.check.id: 0 for one in those} | _counted({one.check.id: one.own for one in left if one.own}, con)


def _counted(queries: Mapping[str, str], con: duckdb.DuckDBPyConnection) -> dict[str, int | str]:
    def count(query: str) -> int:
        row = con.execute(query).fetchone()
        return int(row[0]) if row else 0

    return {name: _or_refused(partial(count, query)) for name, query in queries.items()}


def _or_refused(count: Callable[[], int]) -> int | str:
    """Give a number, or why the engine would not count."""
    try:
        return count()
    except refusals() as error:
        return refused(error)


def _plain(valued: Mapping[Figure, frozenset[tuple[str, str]]]) -> frozenset[tuple[str, str]]:
    """Give the columns that decide figures without a join."""
    return frozenset(column for figure, own in valued.items() if not figure.each for column in own)


def _combined(valued: Mapping[Figure, frozenset[tuple[str, str]]], *, is_few: bool) -> list[tuple[frozenset[tuple[str, str]], list[Figure]]]:
    """Put figures together that one tally is for: all that need no join, unless the combinations of their values are many."""
    named = {own for figure, own in valued.items() if not figure.each}
    plain = _plain(valued)
    wide = {plain} if is_few or plain in named else named
    widest = {own: max((of for of in wide if own <= of), key=lambda of: (len(of), sorted(of)), default=own) for own in valued.values()}
    columns = {figure: own if figure.each else widest[own] for figure, own in valued.items()}
    return [(of, [figure for figure in valued if columns[figure] == of]) for of in sorted(set(columns.values()), key=sorted)]


def _counting(condition: str) -> str:
    """Give the aggregate that counts the rows of a condition; values are counted faster than conditions."""
    found = _NULLNESS.fullmatch(condition)
    if found is None:
        return f"count_if({condition})"
    return f"count({found[1]})" if found[2] else f"count(*) - count({found[1]})"


def _named(figures: Iterable[Figure]) -> set[tuple[str, str]]:
    """Give the columns that figures name, (alias, column) each, but for those of the vocabulary."""
    return {pair for figure in figures for pair in _named_in(figure.sql, figure.field if figure.vocabulary else None)}


@cache
def _named_in(text: str, concept: str | None) -> frozenset[tuple[str, str]]:
    own = frozenset(pair for pair in carried(text) if pair[0] not in VOCABULARY)
    return own if concept is None else own | {("t", concept)}


def _is_valued(figure: Figure, columns: Collection[tuple[str, str]]) -> bool:
    """Tell whether a figure asks for concepts, or only for fields that few values are expected of."""
    return figure.wanted is not None or (not (figure.each or figure.exists) and all(column.endswith(_VALUED) for _, column in columns))
