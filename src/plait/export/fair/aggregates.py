"""Figures about persons in a package: how many are in which group, and how many have which concept, without small cells or what gives them away."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from plait.duck import literal, quoted, sql
from plait.errors import ExportError
from plait.export.deidentify import tables
from plait.export.disclosure.cells import Sum, is_small, protected
from plait.export.fair.describe import arrow_file
from plait.schema import cdm_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from plait.export.fair.model import TableFile
    from plait.export.outgoing import Outgoing

FOLDER = "aggregates"
PERSONS_FILE = f"{FOLDER}/persons.csv"
CONCEPTS_FILE = f"{FOLDER}/concepts.csv"

_PACKAGE = "plait.export.fair"
_ABOUTS = {
    "table_name": "The table of the CDM.",
    "concept_id": "An OMOP concept.",
    "concept_name": "Its name.",
    "domain_id": "Its domain.",
    "vocabulary_id": "Its vocabulary.",
    "persons": "Persons who have it, or are of the category; of a category, empty where that is fewer than may be told, or would give such a number away.",
    "records": "Rows with it.",
    "breakdown": "What the persons are grouped by.",
    "category": "The group.",
    "snapshot": "The snapshot.",
    "rows": "Rows of it; empty where that is of fewer persons than may be told, or would give such a number away.",
}


@dataclass(frozen=True, slots=True)
class Group:
    """A group of persons.

    Attributes:
        breakdown: What they are grouped by.
        category: The group.
        persons: How many there are; None where that is not told.
    """

    breakdown: str
    category: str
    persons: int | None


@dataclass(frozen=True, slots=True)
class Concepts:
    """What is told of concepts.

    Attributes:
        files: The table.
        withheld: Tables of the CDM and concepts of which nothing is told.
        hidden_totals: Tables of the CDM whose number of rows would give a concept away.
        records: Rows of all concepts that are told, by table.
        told: The concepts that are told, by table.
    """

    files: tuple[TableFile, ...]
    withheld: frozenset[tuple[str, int]]
    hidden_totals: frozenset[str]
    records: dict[str, int]
    told: dict[str, tuple[int, ...]]


def group_persons(out: Outgoing) -> list[Group]:
    """Give the persons who are exported by sex, age, race, ethnicity, care site and years observed, and by sex and age together.

    Of fewer persons than the smallest cell there is none.

    A breakdown is left out where its total would give a small cell away, whatever else is left out: of few persons, nothing can be told. The last is left
    out, too, where most of it could not be told: it would take what is told of sex and of age alone with it.
    """
    persons, min_cell = out.persons, out.policy.min_cell
    if is_small(persons, min_cell):
        return []
    rows = [_Counted(*row) for row in out.con.execute(sql(_PACKAGE, "groups")).fetchall()]
    crossed = {row.breakdown for row in rows if row.sex is not None and row.age is not None}
    alone = {one: [row for row in rows if row.breakdown == one] for one in sorted({row.breakdown for row in rows} - crossed)}
    told = [row for group in alone.values() if _protect_groups(group, persons, min_cell) for row in group]
    both = [row for row in rows if row.breakdown in crossed]
    groups = _protect_groups([*told, *both], persons, min_cell)
    if not groups or 2 * sum(group.persons is None for group in groups if group.breakdown in crossed) > len(both):
        return _protect_groups(told, persons, min_cell)
    return groups


class _Counted(NamedTuple):
    """A row of `groups.sql`."""

    breakdown: str
    category: str
    sex: str | None
    age: str | None
    persons: int


def _protect_groups(rows: Sequence[_Counted], persons: int, min_cell: int) -> list[Group]:
    """Give the groups with None for those that are not told; none where that would not do."""
    everybody = len(rows)
    sums = [Sum(everybody, tuple(place for place, row in enumerate(rows) if row.breakdown == one)) for one in sorted({row.breakdown for row in rows})]
    for place, row in enumerate(rows):  # a sex is of all ages, an age is of all sexes
        if (row.sex is None) != (row.age is None):
            crossed = ((cell, one) for cell, one in enumerate(rows) if one.sex is not None and one.age is not None)
            parts = tuple(cell for cell, one in crossed if row.sex in {None, one.sex} and row.age in {None, one.age})
            sums += [Sum(place, parts)] if parts else []
    try:
        told = protected([*(row.persons for row in rows), persons], sums, min_cell, fixed=(everybody,))
    except ExportError:
        return []
    return [Group(row.breakdown, row.category, count) for row, count in zip(rows, told, strict=False)]


def write_groups(out: Outgoing, groups: Iterable[Group]) -> TableFile:
    """Write the groups of persons, and describe the table."""
    return write_figures(
        out.folder, PERSONS_FILE, "A group of persons.", ("breakdown", "category", "persons"), [(g.breakdown, g.category, g.persons) for g in groups]
    )


def write_concepts(out: Outgoing) -> Concepts:
    """Write how many persons have which concept in which table of the CDM.

    Of a concept that is not told there is no row: its name would tell that somebody has it.

    A concept that is not told in one table is not told in any: its eras are of the persons of its rows. Of a drug that is not told, neither are the
    eras of its ingredients.
    """
    named = [
        (name, concept)
        for name in tables.treatments()
        if "person_id" in cdm_tables()[name].columns and name not in out.policy.withheld and (concept := own_concept(name))
    ]
    occurring = " UNION ALL ".join(
        f"SELECT {literal(name)} AS table_name, t.{quoted(concept)} AS concept_id, t.person_id "
        f"FROM cdm.{quoted(name)} AS t SEMI JOIN pseudonym AS s ON t.person_id = s.person_id"
        for name, concept in named
    )
    rows = out.con.execute(sql(_PACKAGE, "aggregates").replace("occurrence AS e", f"({occurring}) AS e")).fetchall()
    links = out.con.execute(sql(_PACKAGE, "ingredients")).fetchall()
    told, totals = _protect_concepts(rows, links, out.policy.min_cell)
    shown = [(*row[:5], row[5] if count is not None else None, count) for row, count in zip(rows, told, strict=True)]
    columns = ("table_name", "concept_id", "concept_name", "domain_id", "vocabulary_id", "persons", "records")
    file = write_figures(out.folder, CONCEPTS_FILE, "A concept of a table of the CDM.", columns, [row for row in shown if row[6] is not None])
    records = {table: sum(row[6] or 0 for row in group) for table, group in groupby(shown, key=lambda row: row[0])}
    withheld = frozenset((row[0], row[1]) for row in shown if row[6] is None)
    named_ids = {table: tuple(row[1] for row in group if row[1] and row[6] is not None) for table, group in groupby(shown, key=lambda row: row[0])}
    return Concepts((file,), withheld, frozenset(name for name, total in totals.items() if total is None), records, named_ids)


def _protect_concepts(
    rows: Sequence[tuple[str, int, str, str, str, int, int]], links: Sequence[tuple[int, int]], min_cell: int
) -> tuple[list[int | None], dict[str, int | None]]:
    """Give the rows of each concept of each table, and the rows of each table, with None for those that are not told."""
    counts = [row[6] for row in rows]
    of_table: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        of_table.setdefault(row[0], []).append(place)
    sums = [Sum(len(counts) + number, tuple(places)) for number, places in enumerate(of_table.values())]
    counts += [sum(counts[place] for place in places) for places in of_table.values()]
    small = {place for place, row in enumerate(rows) if is_small(row[5], min_cell)}
    while True:
        told = protected(counts, sums, min_cell, small=small)
        hidden = {place for place in range(len(rows)) if told[place] is None}
        concepts = {rows[place][1] for place in hidden}
        eras = {ingredient for drug, ingredient in links if drug in {rows[place][1] for place in hidden if rows[place][0] == "drug_exposure"}}
        closed = {place for place, row in enumerate(rows) if (row[1] and row[1] in concepts) or (row[0] == "drug_era" and row[1] in eras)}
        if closed <= hidden:
            return told[: len(rows)], dict(zip(of_table, told[len(rows) :], strict=True))
        small = hidden | closed


def own_concept(table: str) -> str | None:
    """Give the field with the concept that a row of a table is about."""
    columns = cdm_tables()[table].columns
    named = f"{table.removesuffix('_occurrence').removesuffix('_exposure').removesuffix('_era')}_concept_id"
    return named if named in columns else None


def write_figures(folder: Path, path: str, about: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> TableFile:
    """Write a table of figures as CSV, and describe it."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    file = folder / path
    file.parent.mkdir(exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    options = arrow_csv.ConvertOptions(column_types={name: pa.int64() for name in columns if name in _WHOLE} | {"category": pa.string()})
    table = arrow_csv.read_csv(file, convert_options=options)
    return arrow_file(folder, path, path.removeprefix(f"{FOLDER}/").removesuffix(".csv"), about, table.num_rows, table.schema, _ABOUTS)


_WHOLE = frozenset({"persons", "records", "rows", "concept_id"})
"""Columns of whole numbers, even where none is told."""
