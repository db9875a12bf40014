"""The shapes of a CDM's own tables: a CDM is adopted row by row, and every field of a row is kept.

Most sources tell of events, visits and persons in the words of their own, and the harmonizer makes rows of the CDM of them. A source
that is a CDM has made its rows already. Each of its tables has a shape here, `cdm_` and the table's name, with the fields of the CDM that
plait writes; ids in it are the source's own, and become plait's when the row is adopted. The tables that other shapes have to know of
(persons, deaths, providers, care sites, locations) have their fields in those shapes instead: see `Shape.adopts`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from plait.etl.shape import Column, Number, Shape, Text, Time, Whole
from plait.schema import VOCABULARY_TABLES, Field, TableSpec, cdm_tables

PREFIX = "cdm_"
"""What the name of a shape of a CDM's own table begins with."""

ADOPTS = {"person": "person", "death": "death", "provider": "provider", "care_site": "care_site", "location": "location", "omics_feature": "feature"}
"""Tables whose rows come as a shape that other sources give, too → the shape."""

OF_NO_PERSON = {"cohort_definition": "cohort_definition_id"}
"""Tables with a shape here whose rows are of no person → the field that names a row, which the specification does not call a key."""

ABOUT_THE_STUDY = frozenset({"cdm_source", "metadata"})
"""Tables that a study writes about itself."""

DERIVED = {"observation_period": None, "condition_era": "condition_occurrence", "drug_era": "drug_exposure", "dose_era": "drug_exposure"}
"""Tables that a source may declare or plait derive → the table that they are derived of, None where that depends on a rule."""

DIMENSIONS = {"provider_id": "provider", "care_site_id": "care_site", "location_id": "location", "omics_feature_id": "feature"}
"""Fields that name a row which patients share → its dimension."""

_START = {
    "observation_period": "observation_period_start_date",
    "visit_occurrence": "visit_start_date",
    "visit_detail": "visit_detail_start_date",
    "condition_occurrence": "condition_start_date",
    "drug_exposure": "drug_exposure_start_date",
    "procedure_occurrence": "procedure_date",
    "device_exposure": "device_exposure_start_date",
    "measurement": "measurement_date",
    "observation": "observation_date",
    "note": "note_date",
    "note_nlp": "nlp_date",
    "specimen": "specimen_date",
    "payer_plan_period": "payer_plan_period_start_date",
    "drug_era": "drug_era_start_date",
    "dose_era": "dose_era_start_date",
    "condition_era": "condition_era_start_date",
    "episode": "episode_start_date",
    "cohort": "cohort_start_date",
    "image_occurrence": "image_occurrence_date",
}
"""The field that dates a row, of the tables whose rows are dated."""

_COLUMNS: dict[str, tuple[type[Column], str]] = {
    "integer": (Whole, "as the source's {table} has it"),
    "float": (Number, "as the source's {table} has it"),
    "date": (Time, "as the source's {table} has it"),
    "datetime": (Time, "as the source's {table} has it"),
    "varchar": (Text, "as the source's {table} has it"),
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A field of a table that holds the id of a row of another one.

    Attributes:
        table: The table that holds it.
        field: The field.
        target: The table that it points at, None where another field says it.
        named_by: That field.
        kind: How it names the table: `event_field`, `fact_domain` (concepts) or `cost_domain` (a domain's name).
        needed: Whether a row that points at nothing is rejected; else the field becomes null, and that is noticed.
    """

    table: str
    field: str
    target: str | None
    named_by: str | None
    kind: str | None
    needed: bool


def column_of(table: str, field: Field) -> Column:
    """Give the staged column of a field of the CDM."""
    kind, meaning = _COLUMNS[field.base_type]
    return kind(meaning.format(table=table.upper()))


def fields_of(table: str) -> dict[str, Column]:
    """Give the staged columns of a table's fields, but for the person, who has a column of another name in every shape."""
    return {field.name: column_of(table, field) for field in cdm_tables()[table].fields if field.name != "person_id"}


def _shape_of(spec: TableSpec) -> type[Shape]:
    """Make the shape of a table."""
    columns: dict[str, Column] = {}
    of_person = spec.name not in OF_NO_PERSON
    if of_person:
        columns["person"] = Text("the person", required=True)
    if spec.name in _START:
        columns["start"] = Time("when it happened or began, to the time of day where that is told", required=True)
        columns["end"] = Time("when it ended")
    own = spec.id_column or OF_NO_PERSON.get(spec.name)
    columns |= fields_of(spec.name)
    if own is not None:
        columns[own] = Whole("the id that the row has in its source", required=True)
    about = f"A row of {spec.name.upper()}, as a CDM has it."
    return type(
        f"Cdm{spec.name.title().replace('_', '')}", (Shape,), {"__doc__": about, "name": PREFIX + spec.name, "key": own, "of_person": of_person, **columns}
    )


def adopted_tables() -> tuple[str, ...]:
    """Give the tables of the CDM that have a shape here."""
    left = {*VOCABULARY_TABLES, *ABOUT_THE_STUDY, *ADOPTS}
    return tuple(name for name in cdm_tables() if name not in left)


def table_of(shape: str) -> str:
    """Give the table that a shape here is of."""
    return shape.removeprefix(PREFIX)


ADOPTED: dict[str, type[Shape]] = {PREFIX + name: _shape_of(cdm_tables()[name]) for name in adopted_tables()}
"""Every shape of a CDM's own table, by its name."""


@cache
def references(table: str) -> tuple[Reference, ...]:
    """Give the fields of a table that point at rows of a person's other tables: those that the CDM's specification names, and `references.csv`."""
    text = files("plait.etl.harmonize").joinpath("references.csv").read_text(encoding="utf-8")
    more = [
        Reference(row["table"], row["field"], row["target"] or None, row["named_by"] or None, row["kind"] or None, row["needed"] == "yes")
        for row in csv.DictReader(text.splitlines())
        if row["table"] == table
    ]
    known = {reference.field for reference in more}
    found = list(more)
    for field in cdm_tables()[table].fields:
        target = (field.foreign_key or "").partition(".")[0]
        if PREFIX + target in ADOPTED and field.name not in known:
            found.append(Reference(table, field.name, target, None, None, needed=False))
    return tuple(found)
