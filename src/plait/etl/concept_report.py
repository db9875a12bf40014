"""What mapping a CDM anew changed: a report to read, beside the book that tells it person by person."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from plait.duck import make_view, sql
from plait.etl.books import book

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.harmonize.shard import ShardResult

REPORT = "reports/concept-changes.csv"
"""Where the report stands, below the study."""


@dataclass(frozen=True, slots=True)
class ConceptChange:
    """What a field held, what it holds now, and how many rows and persons that touches."""

    source: str
    table_name: str
    field: str
    source_concept_id: int
    old_concept_id: int
    old_concept_name: str | None
    old_domain_id: str | None
    new_concept_id: int
    new_concept_name: str | None
    new_domain_id: str | None
    new_table_name: str
    mapped_by: str
    rows: int
    persons: int


def concept_changes(con: duckdb.DuckDBPyConnection, warehouse: Path, results: Iterable[ShardResult]) -> list[ConceptChange]:
    """Give every concept that changed, those of most rows first; needs the vocabulary."""
    make_view(con, "concept_change", book(warehouse, results, "concept_change"))
    return [ConceptChange(*row) for row in con.execute(sql("plait.etl", "concept_changes")).fetchall()]


def write_report(study: Path, changes: Sequence[ConceptChange]) -> None:
    """Write the report of a study, or remove one that no longer tells anything."""
    file = study / REPORT
    if not changes:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(exist_ok=True, mode=0o700)
    partial = file.with_suffix(".tmp")
    with partial.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, [field.name for field in fields(ConceptChange)])
        writer.writeheader()
        writer.writerows(asdict(change) for change in changes)
    partial.replace(file)
