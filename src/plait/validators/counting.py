"""Counting: all figures of a table in one scan, those on concepts from its tallies, and keys by themselves.

A figure that the engine refuses, as one on a column of another type is, is found by halving and put aside; the others are counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from plait.duck import quoted
from plait.validators.plan import REFERENCE, VOCABULARY, WHOLE_TYPES, Figure, Planned, carried, join_sql, place_of
from plait.validators.suite import Join, joins, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

    from plait.etl.run import Progress

_NO_ROWS = 0
_BITS_A_ROW = 64
"""Most values that a key may span for each row, for it to be checked by a bit for each."""


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
    """

    con: duckdb.DuckDBPyConnection
    columns: Mapping[str, Mapping[str, str]]
    _duplicates: dict[tuple[str, str], int] = field(default_factory=dict)
    _found: dict[Figure, int | str] = field(default_factory=dict)
    _tallies: list[tuple[str, list[Figure]]] = field(default_factory=list)

    def count(self, planned: Sequence[Planned], progress: Progress) -> tuple[dict[Figure, int | str], dict[str, int | str], Facts]:
        """Count all figures.

        Returns:
            The figures; the violations of checks with a query of their own, by id; and what decides whether checks apply.
            A text in the place of a number says why it could not be counted.
        """
        rows = {table: Figure(table, "count(*)") for table in {one.check.table for one in planned} if table in self.columns}
        filled = {
            (check.table, check.field): Figure(check.table, f"count(t.{quoted(check.field)})")
            for check in (one.check for one in planned)
            if check.field and check.field in self.columns.get(check.table, {})
        }
        figures = [figure for one in planned for figure in (one.violated, one.counted) if figure is not None]
        wanted = sorted({*rows.values(), *filled.values(), *figures}, key=lambda figure: (figure.table, repr(figure)))
        own = self._own_queries(planned)
        for table, of_table in groupby(wanted, key=lambda figure: figure.table):
            self._count_table(table, list(of_table))
            progress("validate", 0)
        self._evaluate_tallies()
        facts = Facts({table: _number(self._found[one]) for table, one in rows.items()}, {place: _number(self._found[one]) for place, one in filled.items()})
        return self._found, own, facts

    def duplicates(self, table: str, key: str) -> int:
        """Give the rows whose key is that of another row, too."""
        if (table, key) not in self._duplicates:
            grouped = f"SELECT count(*) AS n FROM {place_of(table)} WHERE {quoted(key)} IS NOT NULL GROUP BY {quoted(key)} HAVING n > 1"
            self._duplicates[table, key] = 0 if self._is_plainly_unique(table, key) else self._one(f"SELECT coalesce(sum(n), 0) FROM ({grouped})")
        return self._duplicates[table, key]

    def _is_plainly_unique(self, table: str, key: str) -> bool:
        """Tell whether a key is seen to be unique without a table of its values: a bit for each, or values that rise from row to row."""
        column, place = quoted(key), place_of(table)
        if self.columns.get(table, {}).get(key) in WHOLE_TYPES:
            low, high, rows = self.con.execute(f"SELECT min({column}), max({column}), count({column}) FROM {place}").fetchone() or (None, None, 0)
            if low is not None and high - low < _BITS_A_ROW * rows:
                return self._one(f"SELECT bit_count(bitstring_agg({column}, {low}, {high})) FROM {place}") == int(rows)
        rising = f"SELECT {column} AS k, lag({column}) OVER () AS before FROM {place}"
        return self.con.execute(f"SELECT 1 FROM ({rising}) WHERE NOT k > before OR k IS NULL LIMIT 1").fetchone() is None

    def _own_queries(self, planned: Iterable[Planned]) -> dict[str, int | str]:
        """Count the violations of checks whose type has a query of its own, and what they are of where it has one for that too."""
        asked = [one for one in planned if one.check.type.query is not None and one.unanswerable is None and one.inapplicable is None]
        counted = {f"{one.check.id} counted": self._own(one, one.counted_by) for one in asked if one.counted_by is not None}
        return {one.check.id: self._own(one, one.own) for one in asked} | counted

    def _own(self, one: Planned, query: str | None) -> int | str:
        import duckdb

        try:
            return self.duplicates(one.check.table, one.check.field) if query is None else self._one(query)
        except (duckdb.DataError, duckdb.ProgrammingError, duckdb.NotSupportedError) as error:
            return _refused(error)

    def _count_table(self, table: str, figures: list[Figure]) -> None:
        """Count the figures of a table: in one scan, and one more for each set of joins whose keys are not unique.

        A tally of combinations has one too: grouping by two columns takes a fifth of the time of a histogram of pairs.
        """
        many = {figure: frozenset(join for join in figure.each if self._is_many(join)) for figure in figures}
        apart = {figure: figure.tally if len(figure.tally) > 1 else () for figure in figures}
        for joined, tally in sorted(set(zip(many.values(), apart.values(), strict=True)), key=lambda pair: (len(pair[0]), sorted(pair[0]), pair[1])):
            self._scan(table, [figure for figure in figures if many[figure] == joined and apart[figure] == tally], joined)

    def _is_many(self, join: Join) -> bool:
        entry = joins().get(named(join) or "")
        return not (entry is not None and entry.is_grouped) and self.duplicates(join.table, join.key) > 0

    def _scan(self, table: str, figures: list[Figure], many: frozenset[Join]) -> None:
        """Count figures in one scan; halve them where the engine refuses."""
        import duckdb

        if not figures:
            return
        name = f"scan_{len(self._tallies)}_{len(self._found)}"
        try:
            tallied = self._counted(name, table, figures, many)
        except (duckdb.DataError, duckdb.ProgrammingError, duckdb.NotSupportedError) as error:
            if len(figures) == 1:
                self._found[figures[0]] = _refused(error)
                return
            middle = len(figures) // 2
            self._scan(table, figures[:middle], many)
            self._scan(table, figures[middle:], many)
            return
        if tallied:
            self._tallies.append((name, tallied))

    def _counted(self, name: str, table: str, figures: list[Figure], many: frozenset[Join]) -> list[Figure]:
        """Count, keep the tallies in the temporary table `name`, and give the figures that are to be had from these."""
        plain = [figure for figure in figures if not figure.tally]
        tallied = [figure for figure in figures if figure.tally]
        each = {join for figure in figures for join in figure.each}
        exists = {join for figure in figures for join in figure.exists} - (each - many)
        names = {pair for figure in figures for pair in (*carried(figure.sql), *figure.tally)}
        joined = [join_sql(join, "INNER JOIN" if join in many else "LEFT JOIN", carried=names) for join in sorted(each)]
        joined += [join_sql(join, "LEFT JOIN", distinct=self._is_repeated(join)) for join in sorted(exists - many)]
        rows = f"FROM {place_of(table)} AS t {' '.join(joined)}"
        if tallied and len(tallied[0].tally) > 1:
            cells = ", ".join(f"{cell} AS c{place}" for place, cell in enumerate(_cells(tallied[0].tally)))
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {cells}, count(*) AS n {rows} GROUP BY ALL")
            return tallied
        aggregates = list(dict.fromkeys(figure.sql for figure in plain))
        columns = [f"{aggregate} AS a{number}" for number, aggregate in enumerate(aggregates)]
        columns += [f"histogram({_cells(tally)[0]}) AS h{number}" for number, tally in enumerate(_tallies(tallied))]
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {', '.join(columns)} {rows}")
        if aggregates:
            row = self.con.execute(f"SELECT {', '.join(f'a{number}' for number in range(len(aggregates)))} FROM {name}").fetchone() or ()
            numbers = dict(zip(aggregates, row, strict=True))
            self._found |= {figure: int(numbers[figure.sql] or 0) for figure in plain}  # count_if of no row is null
        return tallied

    def _is_repeated(self, join: Join) -> bool:
        """Tell whether a key that a join asks for may be there more than once: always, where it is no table's own."""
        return join.key != f"{join.table}_id" or self.duplicates(join.table, join.key) > 0

    def _evaluate_tallies(self) -> None:
        """Count what concepts decide: once for each combination of values, not once a row."""
        self._copy_vocabulary()
        for name, figures in self._tallies:
            tallies = _tallies(figures)
            for _, same in groupby(sorted(figures, key=_sharing), key=_sharing):
                together = list(same)
                number = tallies.index(together[0].tally)
                values = f"(SELECT e.key AS c0, e.value AS n FROM (SELECT unnest(map_entries(h{number})) AS e FROM {name}))"
                self._evaluate(values if len(together[0].tally) == 1 else name, together)

    def _copy_vocabulary(self) -> None:
        """Make temporary copies of the vocabulary, with the concepts that occur."""
        used = {figure.vocabulary for _, figures in self._tallies for figure in figures if figure.vocabulary}
        if not used:
            return
        parts = []
        for name, figures in self._tallies:
            tallies = _tallies(figures)
            for tally, key in sorted({(figure.tally, figure.field) for figure in figures if figure.vocabulary}):
                value = f"unnest(map_keys(h{tallies.index(tally)}))" if len(tally) == 1 else f"c{tally.index(('t', key))}"
                parts.append(f"SELECT TRY_CAST({value} AS BIGINT) AS id FROM {name}")
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE occurring AS SELECT DISTINCT id FROM ({' UNION ALL '.join(parts)}) WHERE id IS NOT NULL")
        for table in sorted(used):
            occurs = f"v.{VOCABULARY[table]} = o.id"
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE occurring_{table} AS SELECT v.* FROM {place_of(table)} AS v SEMI JOIN occurring AS o ON {occurs}")

    def _evaluate(self, values: str, figures: list[Figure]) -> None:
        """Count figures that share a tally and the vocabulary's table that is joined to it; halve them where the engine refuses."""
        import duckdb

        try:
            numbers = self._shared(values, figures) if figures[0].wanted else self._several(values, figures)
        except (duckdb.DataError, duckdb.ProgrammingError, duckdb.NotSupportedError) as error:
            if len(figures) == 1 or figures[0].wanted:
                self._found |= dict.fromkeys(figures, _refused(error))
                return
            middle = len(figures) // 2
            self._evaluate(values, figures[:middle])
            self._evaluate(values, figures[middle:])
            return
        self._found |= dict(zip(figures, numbers, strict=True))

    def _several(self, values: str, figures: list[Figure]) -> list[int]:
        """Count figures of several conditions."""
        counted = ", ".join(f"coalesce(sum(v.n) FILTER (WHERE {_on_values(figure)}), 0)" for figure in figures)
        row = self.con.execute(f"SELECT {counted} FROM {values} AS v {_vocabulary_join(figures[0])}").fetchone() or ()
        return [int(number) for number in row]

    def _shared(self, values: str, figures: list[Figure]) -> list[int]:
        """Count figures of one condition that differ in what they want."""
        rows = ", ".join(f"({number}, {', '.join(figure.wanted or ())})" for number, figure in enumerate(figures))
        counted = self.con.execute(
            f"SELECT w.number, sum(v.n) FROM {values} AS v {_vocabulary_join(figures[0])} "
            f'INNER JOIN (VALUES {rows}) AS w (number, concept, concepts, "value", "values") ON {_on_values(figures[0])} GROUP BY w.number'
        ).fetchall()
        numbers = dict(counted)
        return [int(numbers.get(number, 0)) for number in range(len(figures))]

    def _one(self, query: str) -> int:
        row = self.con.execute(query).fetchone()
        return int(row[0]) if row else 0


def _tallies(figures: Iterable[Figure]) -> list[tuple[tuple[str, str], ...]]:
    """Give the tallies of figures, each once, in order."""
    return list(dict.fromkeys(figure.tally for figure in figures))


def _cells(tally: tuple[tuple[str, str], ...]) -> list[str]:
    """Give the columns whose values a tally counts rows of."""
    return [f"{alias}.{quoted(column)}" for alias, column in tally]


def _sharing(figure: Figure) -> tuple[object, ...]:
    """Give what figures have in common that are counted together."""
    return (figure.tally, figure.vocabulary or "", figure.field, figure.sql if figure.wanted else "")


def _on_values(figure: Figure) -> str:
    """Give a condition on a row as one on the values of a tally."""
    places = {pair: f"v.c{place}" for place, pair in enumerate(figure.tally)}
    return REFERENCE.sub(lambda found: places.get((found[1], found[2] or found[3]), found[0]), figure.sql)


def _vocabulary_join(figure: Figure) -> str:
    table = figure.vocabulary
    key = f"v.c{figure.tally.index(('t', figure.field))}"
    return f"LEFT JOIN occurring_{table} AS {table} ON {table}.{VOCABULARY[table]} = {key}" if table else ""


def _refused(error: Exception) -> str:
    """Say why the engine would not count, without its words, which may show values."""
    kinds = {"ConversionException": "a value is not of the kind that the field is for", "BinderException": "a field is of another type than the check compares"}
    return kinds.get(type(error).__name__, f"the engine refused ({type(error).__name__})")


def _number(found: int | str) -> int:
    return found if isinstance(found, int) else _NO_ROWS
