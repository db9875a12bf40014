"""From checks to figures: what is to be counted over which rows, and which tables are joined to them.

A figure is one number of a check: its violations, or what is counted below the line. Figures of one table that say the same are one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal

from plait.duck import literal, quoted, sql
from plait.validators.suite import Check, Join, joins, named

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Mapping

    Columns = Mapping[str, Mapping[str, str]]

WHOLE_TYPES = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"})
"""DuckDB's types of whole numbers."""
TIME_TYPES = frozenset({"DATE", "TIMESTAMP"})
"""DuckDB's types of days and times that checks compare."""

VOCABULARY = {"concept": "concept_id", "concept_ancestor": "descendant_concept_id"}
"""Tables of the vocabulary that an expression may name, and the column that equals the check's field."""

REFERENCE = re.compile(r'\b(t|person|death|visit_occurrence|observed|concept|concept_ancestor)\.(?:"([^"]+)"|(\w+))')
"""A column that an expression names: the table's name in it, and the column, quoted or not."""

_WANTED = ("concept", "concepts", "value", "values")
"""Names in expressions that stand for what a check wants, as `wanted` gives it."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
UNSTABLE = 0.25
"""Population stability index from which on a distribution counts as another one (N. Siddiqi, Credit Risk Scorecards, 2006)."""
_COMPARISONS = {"values": (), "source_values": (), "site_values": (("measurement", "visit_occurrence_id"), ("visit_occurrence", "care_site_id"))}
"""Queries that compare distributions of values, and the fields that they need beyond the check's own."""

_UNITLESS = "-1"
"""Stands for no unit among the units of a measurement (DataQualityDashboard, plausibleUnitConceptIds)."""


class Unanswerable(Exception):  # noqa: N818 - no error of the run: a check that this CDM cannot answer
    """A figure needs what the CDM does not have; says what."""


class Inapplicable(Unanswerable):
    """A figure needs a table of plait's own, which a CDM of others does not have."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number to count.

    Attributes:
        table: Whose rows are read, as `t`.
        sql: Which of them are counted; of a total, an aggregate over them that does not change with how often one is there.
        is_total: Whether it is an aggregate.
        first: The value of its one field that it holds of first, if it holds of one: the `least`, as it does up to some value, or the `greatest`.
        exists: Joins of which only is asked whether there is a row.
        each: Joins whose every row counts: two deaths of a person are two rows.
        vocabulary: Table of the vocabulary that is joined, by `field`.
        field: The field of t that holds the concept.
        wanted: What of a check stands in the place of `w.concept`, `w.concepts`, `w.value` and `w.values`, as SQL.
    """

    table: str
    sql: str
    is_total: bool = False
    first: Literal["least", "greatest"] | None = None
    exists: frozenset[Join] = frozenset()
    each: frozenset[Join] = frozenset()
    vocabulary: str | None = None
    field: str = ""
    wanted: tuple[str, str, str, str] | None = None

    def __hash__(self) -> int:
        """Give the hash of what most figures differ in: thousands are looked up many times."""
        return hash((self.table, self.sql, self.wanted))


@dataclass(frozen=True, slots=True)
class Planned:
    """A check and its two figures, or its own queries of them where its type has some; or why it cannot be answered, or does not apply.

    `clears` is a FROM clause and a condition: no row offends if it holds of none of these rows.
    """

    check: Check
    violated: Figure | None = None
    counted: Figure | None = None
    own: str | None = None
    counted_by: str | None = None
    clears: tuple[str, str] | None = None
    unanswerable: str | None = None
    inapplicable: str | None = None


def plan_all(checks: Iterable[Check], columns: Columns, today: dt.date) -> list[Planned]:
    """Give the figures of checks; of concepts in one field, those of one type are put together once, and differ in what they want."""
    first: dict[tuple[str, str, str, bool], Planned] = {}
    planned = []
    for check in checks:
        like = first.get(_alike(check)) if check.type.level == "CONCEPT" else None
        if like is None:
            like = first[_alike(check)] = plan(check, columns, today)
            planned.append(like)
        else:
            together = _wanted_together(check, today)
            violated, counted = (figure and replace(figure, wanted=together) for figure in (like.violated, like.counted))
            planned.append(replace(like, check=check, violated=violated, counted=counted))
    return planned


def _alike(check: Check) -> tuple[str, str, str, bool]:
    """Give what checks on concepts have in common whose figures differ in nothing but what they want."""
    return check.type.name, check.table, check.field, bool(check.argument)


def plan(check: Check, columns: Columns, today: dt.date) -> Planned:
    """Give the figures of a check on a CDM that has these tables and columns."""
    try:
        if check.type.needs is not None and check.type.needs not in columns:
            return Planned(check, inapplicable=f"there is no table {check.type.needs}")
        if check.type.query in _COMPARISONS:
            compared = _comparison(check, columns)
            return Planned(check, own=f"SELECT count(*) FROM ({compared}) WHERE stability_index > {UNSTABLE}", counted_by=f"SELECT count(*) FROM ({compared})")
        own = own_query(check, columns, today) if check.type.query not in {None, "duplicates"} else None
        violated, counted = (_figure(check, part, columns, today) for part in ("violated", "counted"))
        return Planned(check, violated, counted, own, clears=_clears(check, columns, today))
    except Inapplicable as missing:
        return Planned(check, inapplicable=str(missing))
    except Unanswerable as missing:
        return Planned(check, unanswerable=str(missing))


def rows_query(check: Check, columns: Columns, today: dt.date) -> str | None:
    """Give the SELECT of the offending rows; None for a check that is about none.

    Raises:
        Unanswerable: The CDM lacks a table or field that the check needs.
    """
    template = check.type.rows or _expression(check, "violated")
    if check.type.needs is not None:
        _need(columns, check.type.needs, None)
    if check.type.query in _COMPARISONS:
        return f"SELECT * FROM ({_comparison(check, columns)}) WHERE stability_index > {UNSTABLE}"
    if check.type.query == "months":
        _need(columns, check.scan, check.field)
        return sql("plait.validators", "months").replace("dated_row", f"(SELECT CAST({quoted(check.field)} AS DATE) AS happened FROM {place_of(check.scan)})")
    if template is None:
        return None
    text, rows = _rows(check, "FALSE" if _is_certain(check, columns) else template, columns, today)
    return f"SELECT t.*\n{rows}\nWHERE {text}"


def single_query(check: Check, columns: Columns, today: dt.date) -> str:
    """Give the SELECT of both numbers of a check, as it would be without any other.

    Raises:
        Unanswerable: The CDM lacks a table or field that the check needs.
    """
    parts = []
    for part in ("violated", "counted"):
        total: str | None = getattr(check.type, f"total_{part}")
        template = total or _expression(check, part)
        if template is None:
            parts.append(f"SELECT count(*) FROM ({rows_query(check, columns, today)})")
            continue
        text, rows = _rows(check, template, columns, today)
        parts.append(f"SELECT {text if total else 'count(*)'} {rows}" + ("" if total else f" WHERE {text}"))
    return f"SELECT ({parts[0]}) AS violated, ({parts[1]}) AS denominator"


def _comparison(check: Check, columns: Columns) -> str:
    """Give the SELECT with the stability index of each distribution of values that is compared with another."""
    name = check.type.query or ""
    for table, column in ((check.scan, check.field), *_COMPARISONS[name]):
        _need(columns, table, column)
    return (
        sql("plait.validators", name) if name == "values" else sql("plait.validators", "alike").replace("grouped_value", f"({sql('plait.validators', name)})")
    )


def _rows(check: Check, template: str, columns: Columns, today: dt.date) -> tuple[str, str]:
    """Give an expression of a check on a row, and the FROM clause with all that it names."""
    _need(columns, check.scan, check.field if check.scan == check.table and check.field else None)
    text = _Rendering(check, today, columns).render(template)
    _need_own(columns, check, text)
    exists, each = _joins(check, template, text, columns)
    joined = [join_sql(join, "LEFT JOIN" if is_grouped(join) else "INNER JOIN", carried=carried(text)) for join in sorted(each)]
    joined += [join_sql(join, "LEFT JOIN", distinct=True) for join in sorted(exists - each)]
    for table in _vocabulary(text):
        _need(columns, table, VOCABULARY[table])
        joined.append(f"LEFT JOIN {place_of(table)} AS {table} ON {table}.{VOCABULARY[table]} = t.{quoted(check.field)}")
    return text, "\n".join([f"FROM {place_of(check.scan)} AS t", *joined])


def is_grouped(join: Join) -> bool:
    """Tell whether what is joined has one row a key at most, so that rows without one are there, too."""
    entry = joins().get(named(join) or "")
    return entry is not None and entry.is_grouped


def own_query(check: Check, columns: Columns, today: dt.date) -> str:
    """Give the SELECT that counts the violations of a check whose type has a query of its own.

    Raises:
        Unanswerable: The CDM lacks a table or field that the check needs.
    """
    if check.type.query == "overlap":
        return sql("plait.validators", "overlap")
    if check.type.query == "twins":
        _need(columns, check.scan, check.argument)
        alike = ", ".join(quoted(column) for column in columns[check.scan] if column != check.argument)
        return f"SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM {place_of(check.scan)} GROUP BY {alike} HAVING n > 1)"
    return f"SELECT count(*) FROM ({rows_query(check, columns, today)})"


def _clears(check: Check, columns: Columns, today: dt.date) -> tuple[str, str] | None:
    """Give the rows, and the condition, that several checks are looked at together by."""
    if check.type.joined is None or check.type.clears is None:
        return None
    rendering = _Rendering(check, today, columns)
    return f"FROM {place_of(check.scan)} AS t {rendering.render(check.type.joined)}", rendering.render(check.type.clears)


def place_of(table: str) -> str:
    """Give a table as SQL: one of the schema `cdm`, but where the name has another."""
    schema, _, name = table.rpartition(".")
    return f"{quoted(schema or 'cdm')}.{quoted(name)}"


def alias_of(join: Join) -> str:
    """Give what a join is called in expressions."""
    return named(join) or f"{join.table.replace('.', '_')}_by_{join.field}"


def join_sql(join: Join, kind: str, *, distinct: bool = False, carried: Collection[tuple[str, str]] = ()) -> str:
    """Give the JOIN clause: the key, and the columns that expressions name of it."""
    alias, entry = alias_of(join), joins().get(named(join) or "")
    selected = [quoted(join.key)]
    if entry is not None and not distinct:
        wanted = sorted({column for table, column in carried if table == alias and column != join.key})
        selected += [f"{entry.expressions.get(column, quoted(column))} AS {quoted(column)}" for column in wanted]
    grouped = f" GROUP BY {quoted(join.key)}" if is_grouped(join) and not distinct else ""
    inner = f"SELECT {'DISTINCT ' if distinct else ''}{', '.join(selected)} FROM {place_of(join.table)}{grouped}"
    return f"{kind} ({inner}) AS {quoted(alias)} ON t.{quoted(join.field)} = {quoted(alias)}.{quoted(join.key)}"


@cache
def carried(text: str) -> frozenset[tuple[str, str]]:
    """Give the columns that an expression names, (alias, column) each."""
    return frozenset((alias, in_quotes or plain) for alias, in_quotes, plain in REFERENCE.findall(text))


@dataclass(frozen=True, slots=True)
class _Rendering:
    """Puts a check's own fields and values into an expression, or names for the values where checks share it."""

    check: Check
    today: dt.date
    columns: Columns
    is_shared: bool = False

    def render(self, template: str) -> str:
        return template.format_map(self)

    def __getitem__(self, name: str) -> str:
        """Give what stands in the place of a name in braces; most are in few expressions."""
        if name in _WANTED:
            return f"w.{name}" if self.is_shared else wanted(self.check, self.today)[_WANTED.index(name)]
        if name == "key":
            return _key(self.check)
        return self._alike() if name == "alike" else self._own(name)

    def _own(self, name: str) -> str:
        """Give the check's table, its field, or its argument as a field."""
        check, column = self.check, f"t.{quoted(self.check.field)}"
        if name in {"day", "from"}:  # times compare with the beginning of a day as their days do with the day
            is_as_it_is = not _is_day(check.argument) or (name == "from" and self.columns[check.scan].get(check.field) in TIME_TYPES)
            return column if is_as_it_is else f"CAST({column} AS DATE)"
        return {"field": column, "name": quoted(check.field), "table": check.table, "argument": f"t.{quoted(check.argument)}"}[name]

    def _alike(self) -> str:
        """Give all of a row but its id, as one value; unlike a comparison of columns, one of such values takes nulls for equal."""
        names = (column for column in self.columns[self.check.scan] if column != self.check.argument)
        return f"row({', '.join(f't.{quoted(name)}' for name in names)})"


def _is_day(argument: str) -> bool:
    return argument == "tomorrow" or _DATE.fullmatch(argument) is not None


def wanted(check: Check, today: dt.date) -> tuple[str, str, str, str]:
    """Give a check's concept, concepts, value and values as SQL."""
    numbers = [] if check.argument == _UNITLESS else check.argument.split()
    listed = f"[{', '.join([*numbers, '0'])}]" if all(_NUMBER.fullmatch(number) for number in numbers) else "[0]"
    concepts, value = check.concept_id.split(), _value(check.argument, today)
    return (concepts[0] if len(concepts) == 1 else "NULL", f"[{', '.join(concepts)}]", value, listed)


def _wanted_together(check: Check, today: dt.date) -> tuple[str, str, str, str]:
    """Give the same, for a table of what checks of one type want: a column of it is of one type, texts or numbers with nothing in the place of others."""
    concept, concepts, value, values = wanted(check, today)
    return concept, concepts, value if check.type.level != "CONCEPT" or _NUMBER.fullmatch(value) else "CAST(NULL AS BIGINT)", values


def _value(argument: str, today: dt.date) -> str:
    """Give an argument as SQL: a number, a date, or a text."""
    if argument == "tomorrow":
        return f"DATE '{today}' + 1"
    if argument == "next_year":
        return str(today.year + 1)
    if _DATE.fullmatch(argument):
        return f"DATE '{argument}'"
    return argument if _NUMBER.fullmatch(argument) else literal(argument)


def _figure(check: Check, part: str, columns: Columns, today: dt.date) -> Figure | None:
    """Give a figure of a check, None where there is no expression for it."""
    total: str | None = getattr(check.type, f"total_{part}")
    template = total or _expression(check, part)
    if template is None:
        return None
    _need(columns, check.scan, check.field if check.scan == check.table and check.field else None)
    if part == "violated" and _is_certain(check, columns):
        return Figure(check.scan, "FALSE")
    is_shared = check.type.level == "CONCEPT" or "concept." in template or _points_at_concept(check, template)
    text = _Rendering(check, today, columns, is_shared).render(template)
    exists, each = _joins(check, template, text, columns)
    _need_own(columns, check, text)
    vocabulary = next(iter(_vocabulary(text)), None)
    if vocabulary is not None:
        _need(columns, vocabulary, VOCABULARY[vocabulary])
        for alias, column in sorted(carried(text)):
            if alias == vocabulary:
                _need(columns, vocabulary, column)
    return Figure(
        check.scan,
        text,
        is_total=total is not None,
        first=check.type.ordered if part == "violated" and sum(alias == "t" for alias, _ in carried(text)) == 1 else None,
        exists=exists,
        each=each,
        vocabulary=vocabulary,
        field=check.field if vocabulary else "",
        wanted=_wanted_together(check, today) if is_shared else None,
    )


def _expression(check: Check, part: str) -> str | None:
    """Give the expression for a part of a check, as its type and its argument have it."""
    kind = check.type
    if check.argument.startswith("person.") and part in kind.with_person:
        return kind.with_person[part]
    if check.argument and part in kind.with_argument:
        return kind.with_argument[part]
    expression: str | None = getattr(kind, part)
    return expression


def _is_certain(check: Check, columns: Columns) -> bool:
    """Tell whether the column's type alone says that no row offends."""
    return check.type.only == "not whole" and columns.get(check.scan, {}).get(check.field) in WHOLE_TYPES


def _key(check: Check) -> str:
    """Give the key of the row that a check's rows point at."""
    table, key = _target(check)
    return f"concept.{key}" if table == "concept" else f"{quoted(alias_of(Join(_own_field(check), table, key)))}.{quoted(key)}"


def _points_at_concept(check: Check, template: str) -> bool:
    return "{key}" in template and _target(check)[0] == "concept"


def _target(check: Check) -> tuple[str, str]:
    """Give the table and key that a check's rows point at."""
    table, _, key = (check.type.points_at or "").format(table=check.table, argument=check.argument).rpartition(".")
    return table, key


def _own_field(check: Check) -> str:
    return check.type.from_field or check.field


def _joins(check: Check, template: str, text: str, columns: Columns) -> tuple[frozenset[Join], frozenset[Join]]:
    """Give the joins that an expression needs: those of which it asks whether there is a row, and those whose every row counts."""
    exists, each = set(), set()
    if "{key}" in template and not _points_at_concept(check, template):
        join = Join(_own_field(check), *_target(check))
        _need(columns, join.table, join.key)
        _need(columns, check.scan, join.field)
        exists.add(join)
    for alias, column in sorted(carried(text)):
        entry = joins().get(alias)
        if entry is not None:
            for read in entry.reads[column]:
                _need(columns, entry.join.table, read)
            _need(columns, check.scan, entry.join.field)
            each.add(entry.join)
    return frozenset(exists), frozenset(each)


def _need_own(columns: Columns, check: Check, text: str) -> None:
    for alias, column in sorted(carried(text)):
        if alias == "t":
            _need(columns, check.scan, column)


def _vocabulary(text: str) -> list[str]:
    return sorted({alias for alias, _ in carried(text)} & set(VOCABULARY))


def _need(columns: Columns, table: str, column: str | None) -> None:
    if table not in columns:
        raise (Inapplicable if table.startswith("plait.") else Unanswerable)(f"there is no table {table}")
    if column is not None and column not in columns[table]:
        raise Unanswerable(f"there is no field {table}.{column}")
