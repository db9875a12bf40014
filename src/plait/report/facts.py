"""What a study's page tells: figures of its books, its CDM, its checks and its feature store.

Counts of records are exact. Of persons, and of rows of a cohort, nothing is told that is of fewer than the policy's smallest cell, nor what would give
such a number away.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from plait import __version__
from plait.duck import listed, literal, quoted, sql
from plait.errors import PlaitError
from plait.etl.status import status
from plait.export.disclosure.cells import is_small
from plait.export.fair.aggregates import own_concept
from plait.featurestore.overview import overview
from plait.mapping.unmapped import list_unmapped, open_map
from plait.report.cells import Pattern, combinations, one_told, told_parts
from plait.schema import VOCABULARY_TABLES, cdm_tables
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from plait.featurestore.overview import Overview
    from plait.featurestore.store import Store
    from plait.featurestore.table import FusionTable

_PACKAGE = "plait.report"
_MOST_CODES = 25
"""Codes without a concept that are named."""
_MOST_PATTERNS = 16
"""Combinations of views that are shown."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the CDM.

    Attributes:
        name: Its name.
        records: Its rows.
        persons: Persons whom they are of; None where that is not told.
        mapped_percent: Of its rows with a concept, how many have one that is not 0; None of a table that has none.
        years: From the first year of all tables to the last: its rows in each, None where they are of too few persons; empty where it tells no dates.
    """

    name: str
    records: int
    persons: int | None
    mapped_percent: float | None
    years: tuple[tuple[int, int | None], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A cohort, and what was known of it.

    Attributes:
        name: Its name.
        rows: Its rows; None where that is not told.
        reasons: By view and reason (`OBSERVED` and why not), how many rows; None where that is not told.
        patterns: Which views are there together, as far as that is told, the most frequent first.
        note: Why nothing can be said, None where it can.
    """

    name: str
    rows: int | None
    reasons: Mapping[str, Mapping[str, int | None]]
    patterns: tuple[Pattern, ...]
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is told of a study.

    Attributes:
        study: Its name.
        title: What the policy calls it, None where it does not.
        version: The version that is told of.
        plait: The version of plait that tells it.
        min_cell: The fewest persons that a figure of persons is told of.
        persons: How many there are; None where that is not told.
        books: What the books say of the run that made the version: see `plait.etl.status.status`.
        groups: Persons by sex, age, years observed and death; None where a number is not told.
        tables: Tables of the CDM with rows of persons.
        codes: Codes without a standard concept, the most rows first.
        other_codes: How many more there are, of fewer persons or rows.
        views: The views that are declared, each with the persons of whom it is there.
        cohorts: The cohorts that are declared.
        validations: The newest validations of all checks.
        failed: Checks that failed in the newest.
        runs: The newest runs.
    """

    study: str
    title: str | None
    version: int
    plait: str
    min_cell: int
    persons: int | None
    books: Mapping[str, Any]
    groups: Mapping[str, Mapping[str, int | None]]
    tables: tuple[Table, ...]
    codes: tuple[Mapping[str, Any], ...]
    other_codes: int
    views: tuple[Overview, ...]
    cohorts: tuple[Asked, ...]
    validations: tuple[Mapping[str, Any], ...]
    failed: tuple[Mapping[str, Any], ...]
    runs: tuple[Mapping[str, Any], ...]


def gather(store: Store) -> Facts:
    """Give what is told of the version that a feature store reads."""
    reading = store.reading
    con, settings, version = reading.con, reading.settings, reading.version
    min_cell = settings.policy.min_cell
    (persons,) = con.execute("SELECT count(*) FROM cdm.person").fetchone() or (0,)
    with open_map(reading.study, version) as opened:
        unmapped = list_unmapped(opened)
    codes = [code for code in unmapped if code.persons >= min_cell][:_MOST_CODES]
    views = tuple(_protected(view, min_cell) for view in overview(store))
    return Facts(
        study=settings.study,
        title=settings.policy.title,
        version=version.version,
        plait=__version__,
        min_cell=min_cell,
        persons=one_told(persons, min_cell),
        books=status(con, version.run_id),
        groups=_groups(con, min_cell),
        tables=_tables(con, min_cell),
        codes=tuple({name: getattr(code, name) for name in ("source", "code_system", "code", "display", "reason", "rows", "persons")} for code in codes),
        other_codes=len(unmapped) - len(codes),
        views=views,
        cohorts=tuple(_asked(store, cohort.name, [view.view for view in views if view.note is None], min_cell) for cohort in settings.cohorts),
        validations=tuple(listed(con, sql(_PACKAGE, "validations"))),
        failed=tuple(listed(con, sql(_PACKAGE, "failed"))),
        runs=tuple(listed(con, sql(_PACKAGE, "runs"))),
    )


def _protected(view: Overview, min_cell: int) -> Overview:
    """Give a view, without the number of persons who have it where that, or the number of those who do not, is small."""
    if view.persons is None:
        return view
    (persons, _) = told_parts([view.persons, view.of - view.persons], min_cell)
    return replace(view, persons=persons)


def _groups(con: duckdb.DuckDBPyConnection, min_cell: int) -> dict[str, dict[str, int | None]]:
    """Give the persons of each group, by what they are grouped by."""
    found: dict[str, dict[str, int | None]] = {}
    for breakdown, rows in groupby(con.execute(sql(_PACKAGE, "persons")).fetchall(), key=lambda row: row[0]):
        counted = [(category, persons) for _, category, persons in rows]
        told = told_parts([persons for _, persons in counted], min_cell)
        found[breakdown] = {category: count for (category, _), count in zip(counted, told, strict=True)}
    return found


def _tables(con: duckdb.DuckDBPyConnection, min_cell: int) -> tuple[Table, ...]:
    """Give the tables of the CDM that have rows of persons."""
    query = sql(_PACKAGE, "recorded").replace("recorded_row", f"({' UNION ALL '.join(_recorded())})")
    counted = con.execute(query).fetchall()
    seen = [year for _, year, *_ in counted if year is not None]
    span = range(min(seen), max(seen) + 1) if seen else range(0)
    found = []
    for name, rows in groupby(counted, key=lambda row: row[0]):
        (_, _, records, persons, mapped, coded), *years = rows
        told = {year: None if is_small(of_year, min_cell) else in_year for _, year, in_year, of_year, *_ in years}
        percent = 100 * mapped / coded if coded else None
        found.append(Table(name, records, one_told(persons, min_cell), percent, tuple((year, told.get(year, 0)) for year in span if told)))
    return tuple(found)


def _recorded() -> list[str]:
    """Give, of each table of persons' rows, the SELECT of whose they are, when they happened and what they are about, as far as the table tells."""
    selects = []
    for name, spec in cdm_tables().items():
        if "person_id" not in spec.columns or name in VOCABULARY_TABLES:
            continue
        date = next((quoted(field.name) for field in spec.fields if field.base_type == "date"), "CAST(NULL AS DATE)")
        concept = own_concept(name)
        about = f"CAST({quoted(concept)} AS BIGINT)" if concept else "CAST(NULL AS BIGINT)"
        selects.append(f"SELECT {literal(name)} AS table_name, person_id, {date} AS happened, {about} AS concept_id FROM cdm.{quoted(name)}")
    return selects


def _asked(store: Store, name: str, views: Sequence[str], min_cell: int) -> Asked:
    """Give what was known of a cohort, in the views that can be looked at."""
    try:
        table = store.get_historical_features(store.cohort(name), views)
    except PlaitError as error:
        return Asked(name, None, {}, (), str(error))
    return Asked(name, one_told(len(table), min_cell), _reasons(table, min_cell), _patterns(table, min_cell))


def _reasons(table: FusionTable, min_cell: int) -> dict[str, dict[str, int | None]]:
    """Give for each view how many rows have it, and why others do not."""
    found = {}
    for place, view in enumerate(table.views):
        counted = sorted(Counter(table.reason[:, place].tolist()).items())
        told = told_parts([rows for _, rows in counted], min_cell)
        found[view] = {Reason(code).name: rows for (code, _), rows in zip(counted, told, strict=True)}
    return found


def _patterns(table: FusionTable, min_cell: int) -> tuple[Pattern, ...]:
    """Give which views are there together, and in how many rows, the most frequent first."""
    rows = table.patterns().rows(named=True) if table.views else []
    return combinations([Pattern(tuple(view for view in table.views if row[view]), row["rows"]) for row in rows], table.views, min_cell)[:_MOST_PATTERNS]
