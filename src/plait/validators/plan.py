"""From checks to figures: what is to be counted over which rows, and which tables are joined to them.

A figure is one number of a check: its violations, or what is counted below the line. Figures of one table that say the same are one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.duck import literal, quoted
from plait.validators.suite import Check, Join, joins

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping

WHOLE_TYPES = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"})
"""DuckDB's types of whole numbers."""

VOCABULARY = {"concept": "concept_id", "concept_ancestor": "descendant_concept_id"}
"""Tables of the vocabulary that an expression may name, and the column that equals the check's field."""

_NAMED = re.compile(r'\b(t|person|death|visit_occurrence|concept|concept_ancestor)\.(?:"([^"]+)"|(\w+))')

Columns = "Mapping[str, Mapping[str, str]]"
"""The tables of a CDM with their columns and DuckDB's types of them, all names in lower case."""


class Unanswerable(Exception):  # noqa: N818 - no error of the run: a check that this CDM cannot answer
    """A figure needs what the CDM does not have; says what."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number to count.

    Attributes:
        table: Whose rows are read, once each, as `t`.
        sql: An aggregate over them, or for a tally a condition.
        exists: Joins of which only is asked whether there is a row.
        each: Joins whose every row counts: two deaths of a person are two rows.
        tally: Columns whose combinations of values decide, `(alias, column)` each; empty where the condition is a row's own.
        vocabulary: Table of the vocabulary that is joined to a tally.
        field: The field of t that the vocabulary's concept is of.
        within: Concepts that a tally is about; all if empty.
    """

    table: str
    sql: str
    exists: frozenset[Join] = frozenset()
    each: frozenset[Join] = frozenset()
    tally: tuple[tuple[str, str], ...] = ()
    vocabulary: str | None = None
    field: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A check and its two figures: None where its type has a query of its own; or why it cannot be answered."""

    check: Check
    violated: Figure | None = None
    counted: Figure | None = None
    unanswerable: str | None = None


def plan(check: Check, columns: Mapping[str, Mapping[str, str]], today: dt.date) -> Planned:
    """Give the figures of a check on a CDM that has these tables and columns."""
    try:
        return Planned(check, _figure(check, "violated", columns, today), _figure(check, "counted", columns, today))
    except Unanswerable as missing:
        return Planned(check, unanswerable=str(missing))


def rows_query(check: Check, columns: Mapping[str, Mapping[str, str]], today: dt.date) -> str | None:
    """Give the SELECT of the offending rows; None for a check that is about none.

    Raises:
        Unanswerable: The CDM lacks a table or field that the check needs.
    """
    condition = check.type.rows or _expression(check, "violated")
    if condition is None:
        return None
    scan = check.type.scan or check.table
    if check.type.only == "not whole" and columns.get(scan, {}).get(check.field) in WHOLE_TYPES:
        condition = "FALSE"
    text = _rendered(check, condition, today)
    exists, each = _joins(check, condition, text, columns)
    joined = [join_sql(join, each, columns, kind="INNER JOIN", carried=_carried(text)) for join in sorted(each)]
    joined += [join_sql(join, (), columns, kind="LEFT JOIN", distinct=True) for join in sorted(exists - each)]
    for table in _vocabulary(text):
        _need(columns, table, VOCABULARY[table])
        joined.append(f"LEFT JOIN cdm.{table} AS {table} ON {table}.{VOCABULARY[table]} = t.{quoted(check.field)}")
    return "\n".join([f"SELECT t.*\nFROM cdm.{quoted(scan)} AS t", *joined, f"WHERE {text}"])


def alias_of(join: Join) -> str:
    """Give what a join is called in expressions."""
    named = joins().get(join.table)
    return join.table if named is not None and named.join == join else f"{join.table}_by_{join.field}"


def join_sql(
    join: Join,
    each: Collection[Join],
    columns: Mapping[str, Mapping[str, str]],
    *,
    kind: str,
    distinct: bool = False,
    carried: Collection[tuple[str, str]] = (),
) -> str:
    """Give the JOIN clause: the key, and the columns of it that expressions name."""
    del columns, each
    alias = alias_of(join)
    named = joins().get(join.table)
    selected = [quoted(join.key)]
    if named is not None and named.join == join and not distinct:
        wanted = sorted({column for table, column in carried if table == alias and column != join.key})
        selected += [f"{named.expressions.get(column, quoted(column))} AS {quoted(column)}" for column in wanted]
    inner = f"SELECT {'DISTINCT ' if distinct else ''}{', '.join(selected)} FROM cdm.{quoted(join.table)}"
    return f"{kind} ({inner}) AS {quoted(alias)} ON t.{quoted(join.field)} = {quoted(alias)}.{quoted(join.key)}"


def carried_by(figures: Collection[Figure]) -> set[tuple[str, str]]:
    """Give the columns of joined tables that figures name, as (alias, column)."""
    return {pair for figure in figures for pair in (*_carried(figure.sql), *figure.tally)}


def _carried(text: str) -> set[tuple[str, str]]:
    return {(alias, quoted_name or name) for alias, quoted_name, name in _NAMED.findall(text)}


def _vocabulary(text: str) -> list[str]:
    return sorted({alias for alias, _ in _carried(text)} & set(VOCABULARY))


def _expression(check: Check, part: str) -> str | None:
    """Give the expression for a part of a check, as its type and its argument have it."""
    kind = check.type
    if check.argument.startswith("person.") and part in kind.with_person:
        return kind.with_person[part]
    if check.argument and part in kind.with_argument:
        return kind.with_argument[part]
    expression: str | None = getattr(kind, part)
    return expression


def _figure(check: Check, part: str, columns: Mapping[str, Mapping[str, str]], today: dt.date) -> Figure | None:
    total: str | None = getattr(check.type, f"total_{part}")
    expression = total or _expression(check, part)
    scan = check.type.scan or check.table
    if expression is None:
        return None
    _need(columns, scan, check.field if scan == check.table and check.field else None)
    if part == "violated" and check.type.only == "not whole" and columns[scan][check.field] in WHOLE_TYPES:
        return Figure(scan, "0")
    text = _rendered(check, expression, today)
    exists, each = _joins(check, expression, text, columns)
    carried = _carried(text)
    for alias, column in sorted(carried):
        if alias == "t":
            _need(columns, scan, column)
    if not check.type.tally and not _points_at_concept(check, expression):
        return Figure(scan, total and text or _counted(text), exists, each)
    if text == "TRUE":
        return Figure(scan, "count(*)")
    vocabulary = "concept" if _points_at_concept(check, expression) else next(iter(_vocabulary(text)), None)
    for table in (vocabulary,) if vocabulary else ():
        for column in {VOCABULARY[table], *(name for alias, name in carried if alias == table)}:
            _need(columns, table, column)
    tally = tuple(sorted({(alias, column) for alias, column in carried if alias not in VOCABULARY} | ({("t", check.field)} if vocabulary else set())))
    return Figure(scan, text, frozenset(), each, tally, vocabulary, check.field)


def _counted(condition: str) -> str:
    return "count(*)" if condition == "TRUE" else f"count(*) FILTER (WHERE {condition})"


def _points_at_concept(check: Check, expression: str) -> bool:
    return "{key}" in expression and _target(check)[0] == "concept"


def _target(check: Check) -> tuple[str, str]:
    """Give the table and key that a check's rows point at."""
    template = check.type.points_at or ""
    table, _, key = template.format(table=check.table, argument=check.argument).partition(".")
    return table, key


def _own_field(check: Check) -> str:
    return check.type.from_field or check.field


def _joins(check: Check, expression: str, text: str, columns: Mapping[str, Mapping[str, str]]) -> tuple[frozenset[Join], frozenset[Join]]:
    """Give the joins that an expression needs: of which it asks whether there is a row, and whose every row counts."""
    scan = check.type.scan or check.table
    exists, each = set(), set()
    if "{key}" in expression and not _points_at_concept(check, expression):
        join = Join(_own_field(check), *_target(check))
        _need(columns, join.table, join.key)
        _need(columns, scan, join.field)
        exists.add(join)
    for alias, column in sorted(_carried(text)):
        named = joins().get(alias)
        if named is not None and not ("{key}" in expression and Join(_own_field(check), *_target(check)) == named.join):
            for read in named.reads[column]:
                _need(columns, alias, read)
            _need(columns, scan, named.join.field)
            each.add(named.join)
    return frozenset(exists), frozenset(each)


def _need(columns: Mapping[str, Mapping[str, str]], table: str, column: str | None) -> None:
    if table not in columns:
        raise Unanswerable(f"there is no table {table}")
    if column is not None and column not in columns[table]:
        raise Unanswerable(f"there is no field {table}.{column}")


def _rendered(check: Check, template: str, today: dt.date) -> str:
    """Give an expression with the check's own fields and values in the place of their names."""
    column = f"t.{quoted(check.field)}"
    value = check.argument
    is_date = value == "tomorrow" or re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None
    if "{key}" in template:
        key = "concept.concept_id" if _points_at_concept(check, template) else f"{quoted(alias_of(Join(_own_field(check), *_target(check))))}.{_target(check)[1]}"
    else:
        key = ""
    return template.format(
        field=column,
        name=quoted(check.field),
        table=check.table,
        argument=f"t.{quoted(value)}",
        key=key,
        value=_value(value, today),
        values=", ".join(value.split() if value != "-1" else []) + (", 0" if value != "-1" else "0"),
        concepts=", ".join(check.concept_id.split()),
        dated=f"CAST({column} AS DATE)" if is_date else column,
    )


def _value(argument: str, today: dt.date) -> str:
    """Give an argument as SQL: a number, a date, or a text."""
    import datetime as dt

    if argument == "tomorrow":
        return f"DATE '{today + dt.timedelta(days=1)}'"
    if argument == "next_year":
        return str(today.year + 1)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", argument):
        return f"DATE '{argument}'"
    return argument if re.fullmatch(r"-?\d+(\.\d+)?", argument) else literal(argument)
