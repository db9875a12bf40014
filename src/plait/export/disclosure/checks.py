"""What is told of checks: which passed, and how many rows offend where these are of enough persons, whoever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plait.duck import quoted, sql
from plait.export.deidentify.tables import owner_of
from plait.schema import cdm_tables
from plait.validators.report import as_row

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import duckdb

    from plait.validators.judge import Result

_OF_PERSONS = frozenset({"measurePersonCompleteness", "measureObservationPeriodOverlap", "measureConditionEraCompleteness"})
"""Checks that count persons, not rows."""

_FIGURES = ("violated", "denominator", "percent")


def enough_rows(con: duckdb.DuckDBPyConnection, names: Collection[str], min_cell: int) -> dict[str, int]:
    """Give how many rows of a table are certainly of as many persons as the smallest cell: more than the persons with most rows have together.

    Args:
        con: A connection with the CDM in its schema `cdm`.
        names: Tables; those without persons need no more rows than the smallest cell.
        min_cell: The smallest cell.
    """
    found = {}
    for name in names:
        spec = cdm_tables().get(name)
        owner = owner_of(name) if spec is not None else None
        if owner is None or name == "person":
            found[name] = min_cell
            continue
        query = sql("plait.export.disclosure", "most_rows").replace("owned", f"(SELECT {owner} AS person_id FROM cdm.{quoted(name)} AS t)")
        (most,) = con.execute(query, {"others": min_cell - 1}).fetchone() or (0,)
        found[name] = max(int(most) + 1, min_cell)
    return found


def told_results(
    results: Sequence[Result],
    enough: Mapping[str, int],
    min_cell: int,
    *,
    is_everybody: bool = True,
    withheld: Collection[tuple[str, int]] = (),
    hidden_totals: Collection[str] = (),
    records: Mapping[str, int] | None = None,
) -> list[dict[str, Any]]:
    """Give the results of checks as rows of `plait.checks`, without the figures that may not be told. Each keeps its status.

    Figures of a table are told in the order of their size, one check after the other. One is left out with its check where it, what is left of the
    denominator, or the difference from one that was told is of too few rows to be of as many persons as the smallest cell.

    Args:
        results: The results.
        enough: How many rows are enough, by table, as `enough_rows` gives it.
        min_cell: The smallest cell.
        is_everybody: Whether all persons that were checked are in the package: the difference would be told else.
        withheld: Tables and concepts of which no figure is told.
        hidden_totals: Tables of which the number of rows is not told.
        records: Rows of concepts that are told elsewhere, together, by table.
    """
    rows = [as_row(result) for result in results]
    told: dict[str, set[int]] = {table: {count} for table, count in (records or {}).items() if count}
    order = sorted((place for place, row in enumerate(rows) if row["denominator"] is not None), key=lambda place: -rows[place]["denominator"])
    for place in order:
        row = rows[place]
        table, violated, denominator = row["table_name"], row["violated"], row["denominator"]
        least = min_cell if row["check_name"] in _OF_PERSONS else enough.get(table, min_cell)
        figures = {violated or 0, denominator, denominator - (violated or 0)} - {0}
        before = told.setdefault(table, set())
        is_hidden = (
            not is_everybody
            or (table in hidden_totals and row["check_name"] not in _OF_PERSONS)
            or (row["concept_id"] is not None and _names_withheld(table, str(row["concept_id"]), withheld))
        )
        if is_hidden or any(figure < least for figure in figures) or _differ_by_few(figures, before, least):
            row |= dict.fromkeys(_FIGURES)
        else:
            before |= figures
    return rows


def _differ_by_few(figures: Collection[int], told: Collection[int], least: int) -> bool:
    """Tell whether a figure and one that is told differ by few; not so where they are the two halves of one that is told: none is a part of the other."""
    known = {*figures, *told}
    return any(0 < abs(figure - other) < least and figure + other not in known for figure in figures for other in told)


def _names_withheld(table: str, concepts: str, withheld: Collection[tuple[str, int]]) -> bool:
    """Tell whether a check is of a concept of which nothing is told."""
    return any((table, int(concept)) in withheld for concept in concepts.replace(",", " ").split() if concept.isdecimal())
