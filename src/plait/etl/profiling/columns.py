"""What stands in the columns of a raw file: nulls, distinct values, types, formats of times, codes by their shape.

Each column's distinct values are found once; everything else is told from them, or, where they are very many, from a
sample of them that is the same whatever the order of the records. No value leaves this module.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from plait.duck import literal, make_view, quoted, sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

Kind = Literal["empty", "integer", "decimal", "comma", "time", "clock", "year", "text"]

_MOST_VALUES = 20_000
"""Distinct values of a column that shapes are tried on."""

ENOUGH = 0.95
"""Share of the distinct values that must be of a kind for the column to be of it."""

_ENOUGH_NAMED = 0.5
"""Share that is enough of a column whose name says that it holds times."""

_TIME_NAME = re.compile(r"date|time|birth|born|(^|_)(dob|dod|dt|on|at)$|admitted|discharged|taken|reported|collected")

_ISO = "[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
_NUMBERS = {
    "integer": "[+-]?[0-9]{1,18}",
    "decimal": "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?",
    "comma": "[+-]?([0-9]{1,3}([.][0-9]{3})+|[0-9]+)(,[0-9]+)?",
    "clock": "([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?",
    "year": "(18|19|20|21)[0-9]{2}",
}
_UNIT = (  # UCUM's terms: prefixes and atoms that medicine uses, annotations, powers; joined by points and strokes
    r"/?((10[*^][0-9-]+|[0-9]+)|(([YZEPTGMkhdcmunpfazy]|da)?(g|L|l|mol|eq|Eq|osm|Osm|m|s|U|Pa|Bq|Gy|Sv|J|W|V|Hz|K|cal|kat|N|Ohm|bit|By|m\[Hg\]|m\[H2O\]"
    r"|\[IU\]|\[iU\]|IU|\[lb_av\]|\[in_i\]|\[ft_i\]|\[degF\]|\[pH\]|\[drp\]|\[HPF\]|\[LPF\]|\[APL'U\]|\[GPL'U\]|\[MPL'U\]|bar|min|h|hr|d|day|wk|week|mo|month|a|year|Cel|%|deg))"
    r"([0-9-]+)?(\{[^}]*\})?|\{[^}]*\})([./]((10[*^][0-9-]+|[0-9]+)|(([YZEPTGMkhdcmunpfazy]|da)?(g|L|l|mol|eq|Eq|m|s|U|Pa|Bq|J|kat|m\[Hg\]|min|h|hr|d|day|wk|mo|a))"
    r"([0-9-]+)?(\{[^}]*\})?|\{[^}]*\}|\[[A-Za-z]+\]))*"
)


@dataclass(frozen=True, slots=True)
class CodeSystem:
    """A code system that is known by its shape, as `code_systems.csv` has it."""

    vocabulary_id: str
    title: str
    pattern: str
    test: str
    hint: str
    alone: int | None
    domain: str
    vocabularies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """What stands in a column.

    Attributes:
        name: As the header has it.
        records: Records that were looked at.
        different: How many of them differ from all others; plait merges those that do not.
        filled: How many of them have a value.
        distinct: How many different values these are.
        most_records: On how many records the commonest of them stands.
        shortest: Letters of the shortest.
        longest: Letters of the longest.
        mean_length: Letters of a value, on the mean of all records.
        none_words: Words that stand for no value (`NULL`, `-`).
        sampled: On how many distinct values the shapes below were tried.
        kind: What (nearly) all of them are.
        formats: As `strptime` writes them, the formats of its times; the empty one is ISO 8601.
        other: Distinct values that are not of the kind.
        order: Of day and month, where the values themselves tell which comes first; `either` where they do not.
        midnight: Whether all times of day that it has are midnight: they stand for days.
        systems: For each code system of `code_systems.csv`, the share of distinct values that have its shape.
        undotted: For ICD, whether codes come without their point, some or all.
        units: The share of distinct values that are units by UCUM's grammar.
        words: For each kind of words of `words.csv`, the share of distinct values that are such words.
        found: For each vocabulary, the share of distinct values that it has as codes.
    """

    name: str
    records: int
    different: int
    filled: int
    distinct: int
    most_records: int
    shortest: int
    longest: int
    mean_length: float
    none_words: tuple[str, ...]
    sampled: int
    kind: Kind
    formats: tuple[str, ...] = ()
    other: int = 0
    order: Literal["day", "month", "either", ""] = ""
    midnight: bool = False
    systems: dict[str, float] = field(default_factory=dict)
    undotted: bool = False
    units: float = 0.0
    words: dict[str, float] = field(default_factory=dict)
    found: dict[str, float] = field(default_factory=dict)

    @property
    def is_unique(self) -> bool:
        """Whether every record has a value of its own, but for records that repeat another one exactly."""
        return self.records > 0 and self.filled == self.records and self.distinct == self.different

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.kind in {"integer", "decimal", "comma", "year"}


@cache
def code_systems() -> tuple[CodeSystem, ...]:
    """Give the code systems that are known by their shape."""
    return tuple(
        CodeSystem(
            row["vocabulary_id"],
            row["title"],
            row["pattern"],
            row["test"],
            row["hint"],
            int(row["alone"]) if row["alone"] else None,
            row["domain"],
            tuple(row["vocabularies"].split()),
        )
        for row in _rows("code_systems")
    )


@cache
def words() -> tuple[dict[str, str], ...]:
    """Give the words of `words.csv`, each with its kind and the code that it means."""
    return tuple(_rows("words"))


@cache
def _time_shapes() -> tuple[tuple[str, str, str], ...]:
    """Give (format, pattern, order of day and month) of every way to write a time but ISO 8601, dates before dates with a time of day."""
    dates = [(row["format"], row["pattern"], row["order"]) for row in _rows("time_shapes")]
    clocks = [(row["suffix"], row["pattern"]) for row in _rows("clock_shapes")]
    whole = [(form + suffix, f"({pattern}){clock}", order) for form, pattern, order in dates if "%H" not in form for suffix, clock in clocks]
    return (*dates, *whole)


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("plait.etl.profiling") / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), strict=True))


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Make the macros and the table that profiling needs."""
    con.execute(sql("plait.etl", "macros"))
    con.execute(sql("plait.etl.profiling", "code_macros"))
    con.execute("CREATE OR REPLACE TEMP TABLE profiled_code (file VARCHAR, name VARCHAR, value VARCHAR)")


def profile_column(con: duckdb.DuckDBPyConnection, file: str, name: str, records: int, different: int) -> Column:
    """Give what stands in a column of the raw table `file`; values that may be codes are noted for a look-up."""
    make_view(con, "profiled", f"SELECT {quoted(name)} AS value FROM {quoted(file)} WHERE _fault IS NULL")
    con.execute(sql("plait.etl.profiling", "column_values").replace("$most", str(_MOST_VALUES)))
    facts = con.execute(sql("plait.etl.profiling", "column_facts")).fetchone()
    assert facts is not None  # noqa: S101 - an aggregate gives a row
    filled, distinct, most, shortest, longest, mean, none_words = facts
    if not distinct:
        return Column(name, records, different, 0, 0, 0, 0, 0, 0.0, tuple(none_words), 0, "empty")
    counted = _counted(con)
    sampled = counted["sampled"]
    kind, formats, other, order = _kind(con, counted, name)
    column = Column(
        name,
        records,
        different,
        filled,
        distinct,
        most,
        shortest,
        longest,
        mean,
        tuple(none_words),
        sampled,
        kind,
        formats,
        other,
        order,
        midnight=kind == "time" and counted["clocks"] == counted["midnights"] > 0,
        systems={system.vocabulary_id: counted[f"system {system.vocabulary_id}"] / sampled for system in code_systems()},
        undotted=counted["bare"] > 0,
        units=counted["units"] / sampled,
        words={kind: counted[f"words {kind}"] / sampled for kind in {row["kind"] for row in words()}},
    )
    if kind in {"integer", "decimal", "text", "year"} and longest <= _LONGEST_CODE:
        con.execute("INSERT INTO profiled_code SELECT $file, $name, value FROM profiled_sample LIMIT 2000", {"file": file, "name": name})
    return column


_LONGEST_CODE = 20


def _counted(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Give how many values of the sample are of each shape, in one scan."""
    masks = [str(mask) for (mask,) in con.execute(sql("plait.etl.profiling", "value_masks")).fetchall()]
    shapes = {"sampled": "true", "units": _like(_UNIT), "bare": "length(value) > 3 AND value NOT LIKE '%.%'"}
    shapes |= {"clocks": "regexp_matches(value, '[0-9]:[0-9]{2}')", "midnights": "plait_day(value) != value"}
    if any("9999-99-99" in mask for mask in masks):
        shapes["iso"] = f"{_like(_ISO)} AND plait_utc_time(value) IS NOT NULL"
    shapes |= {f"number {kind}": _like(pattern) for kind, pattern in _NUMBERS.items()}
    shapes |= {f"time {form}": _is_time(form, pattern) for form, pattern, _ in _time_shapes() if any(_masked(form).fullmatch(mask) for mask in masks)}
    for system in code_systems():
        shapes[f"system {system.vocabulary_id}"] = f"{system.test}(value)" if system.test else _like(system.pattern)
    for kind in sorted({row["kind"] for row in words()}):
        listed = ", ".join(literal(row["word"]) for row in words() if row["kind"] == kind)
        shapes[f"words {kind}"] = f"lower(trim(value)) IN ({listed})"
    query = f"SELECT {', '.join(f'count(*) FILTER (WHERE {condition})' for condition in shapes.values())} FROM profiled_sample"
    row = con.execute(query).fetchone()
    assert row is not None  # noqa: S101 - an aggregate gives a row
    return defaultdict(int, zip(shapes, map(int, row), strict=True))


@cache
def _masked(form: str) -> re.Pattern[str]:
    """Give what the masks of times of a format are like: each group of its pattern is two digits."""
    pattern = next(pattern for one, pattern, _ in _time_shapes() if one == form)
    bare = pattern if pattern.count("(") != 1 or "%Y%m%d" in form else pattern.replace("(", "").replace(")", "")
    loose = re.sub(r"\((?:[^()]*[|][^()]*)\)", "[0-9]{2}", bare).replace("[0-5]", "[0-9]").replace("[AaPp][Mm]", "[A-Za-z]{2}").replace("T[", "[A-Z][")
    return re.compile(loose)


def _like(pattern: str) -> str:
    return f"regexp_full_match(value, {literal(pattern)})"


def _is_time(form: str, pattern: str) -> str:
    return f"{_like(pattern)} AND try_strptime(value, {literal(form)}) IS NOT NULL"


def _kind(con: duckdb.DuckDBPyConnection, counted: dict[str, int], name: str) -> tuple[Kind, tuple[str, ...], int, Literal["day", "month", "either", ""]]:
    """Give what most values of the sample are, their formats where they are times, how many are not of the kind, and the order of day and month."""
    enough = ENOUGH * counted["sampled"]
    formats, order = _formats(counted)
    shapes = [_like(_ISO) if not form else _is_time(form, pattern) for form, pattern, _ in (("", "", ""), *_time_shapes()) if form in formats]
    if shapes:
        row = con.execute(f"SELECT count(*) FILTER (WHERE {' OR '.join(f'({shape})' for shape in shapes)}) FROM profiled_sample").fetchone()
        times = int(row[0]) if row else 0
        if times >= (_ENOUGH_NAMED * counted["sampled"] if _TIME_NAME.search(name.lower()) else enough):
            return "time", formats, counted["sampled"] - times, order
    kinds: tuple[Kind, ...] = ("clock", "year", "integer", "decimal", "comma")
    for kind in kinds:
        if counted[f"number {kind}"] >= enough:
            return kind, (), counted["sampled"] - counted[f"number {kind}"], ""
    return "text", (), 0, ""


def _formats(counted: dict[str, int]) -> tuple[tuple[str, ...], Literal["day", "month", "either", ""]]:
    """Give the formats that values have, of those that differ in the order of day and month the one that reads more."""
    present = {form: (counted[f"time {form}"], order) for form, _, order in _time_shapes() if counted[f"time {form}"]}
    day = sum(count for count, order in present.values() if order == "day")
    month = sum(count for count, order in present.values() if order == "month")
    wrong = "month" if day >= month else "day"
    kept = tuple(form for form, (_, order) in present.items() if order != wrong)
    if counted["iso"]:
        kept = ("", *kept)
    ambiguous = {pattern for form, pattern, order in _time_shapes() if order == "month" and form in present}
    if not day and not month:
        return kept, ""
    if day == month and ambiguous:
        return kept, "either"
    return kept, "day" if day >= month else "month"


def look_up(con: duckdb.DuckDBPyConnection, columns: dict[tuple[str, str], Column]) -> None:
    """Note in each column which share of its values the vocabulary has as codes; needs the views of schema `vocabulary`."""
    known = sorted({vocabulary for system in code_systems() for vocabulary in system.vocabularies} | {"UCUM"})
    rows: Sequence[tuple[str, str, str, float]] = con.execute(sql("plait.etl.profiling", "code_lookup"), {"known": known}).fetchall()
    for file, name, vocabulary_id, share in rows:
        columns[file, name].found[vocabulary_id] = share
