"""Ids of rows, which tell whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.duck import quoted
from plait.etl.harmonize.reference import fact_domain

if TYPE_CHECKING:
    from plait.schema import TableSpec

ROWS_PER_PERSON = 1 << 22
"""Row ids are `person_id * ROWS_PER_PERSON + ordinal`: exact in a double for two thousand million persons."""


def person_of(spec: TableSpec, rows: str = "") -> str:
    """Give the SQL for the person of a row of a table that is sharded by persons; `rows` is what its rows are called."""
    of = f"{rows}." if rows else ""
    if "person_id" in spec.columns:
        return f"{of}person_id"
    if spec.name == "cohort":
        return f"{of}subject_id"
    if spec.name == "fact_relationship":
        person = fact_domain("person")
        return f"CASE WHEN {of}domain_concept_id_1 = {person} THEN {of}fact_id_1 ELSE {of}fact_id_1 // {ROWS_PER_PERSON} END"
    column = spec.id_column or {"derivation": "row_id", "episode_event": "episode_id", "image_file": "image_occurrence_id"}[spec.name]
    return f"{of}{quoted(column)} // {ROWS_PER_PERSON}"
