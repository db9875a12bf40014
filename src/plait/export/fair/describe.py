"""Descriptions of files and columns: what a row is, and what became of each column on its way out."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from plait.export.deidentify.tables import treatments
from plait.export.fair.model import Column, DataFile, Kind, TableFile
from plait.hashing import sha256_of
from plait.schema import cdm_tables

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from plait.schema import Field

_OF_FIELDS: dict[str, Kind] = {"integer": "integer", "date": "date", "datetime": "datetime", "float": "number", "varchar": "string", "uuid": "string"}
_SAID = {
    "keep": "",
    "person": "A new id.",
    "row": "A new id.",
    "fact": "A new id.",
    "location": "A new number.",
    "care_site": "A new number.",
    "provider": "A new number.",
    "shift": "Shifted by a number of days of the person's own, the same wherever the person is.",
    "began": "Shifted by the person's days; where periods begin by the calendar, it is the day of a person's first record.",
    "ended": "Shifted by the person's days; where periods end by the calendar, it is the day of a person's last record.",
    "noted": "That of the note, shifted as all of the person's dates are.",
    "common": "Left out where fewer persons have it than the smallest cell, or it has a date in it.",
    "years": "Left out where it is more than 89 years.",
    "year": "The first day of its year.",
    "time": "A time of day; anything else is left out.",
    "birth": "Shifted; of a person older than 89, the year in which the person would be 90 at the last record, and nothing else; "
    "the year alone where a day stands for an unknown one.",
    "zip": "The first three signs; 000 where few persons live.",
    "state": "Left out where few persons live.",
    "uid": "A UID that stands for the original.",
    "text": "Withheld, or left without what identifies: scrubbed.json tells what was found.",
    "drop": "Left out.",
}
"""What is said of a column that was treated so."""


def cdm_file(folder: Path, path: str, table: str, rows: int) -> TableFile:
    """Describe a table of the CDM that was written.

    Args:
        folder: The package.
        path: The table's file below it.
        table: The table.
        rows: Its rows.
    """
    spec = cdm_tables()[table]
    actions = {field.field: field.action for field in treatments().get(table, ())}
    columns = tuple(_cdm_column(table, field, actions.get(field.name, "keep")) for field in spec.fields)
    return _file(folder, path, table, _abouts()[table], rows, columns, spec.primary_key)


def arrow_file(folder: Path, path: str, name: str, about: str, rows: int, schema: pa.Schema, abouts: dict[str, str]) -> TableFile:
    """Describe a table whose columns are known by their Arrow types.

    Args:
        folder: The package.
        path: The table's file below it.
        name: The table's name.
        about: What a row is.
        rows: Its rows.
        schema: Its columns.
        abouts: What columns say, by name.
    """
    columns = tuple(Column(field.name, _kind(field.type), abouts.get(field.name, "")) for field in schema)
    return _file(folder, path, name, about, rows, columns, ())


def data_file(folder: Path, path: str, about: str, media_type: str) -> DataFile:
    """Describe a file that is no table.

    Args:
        folder: The package.
        path: The file below it.
        about: What it is.
        media_type: Its media type.
    """
    file = folder / path
    return DataFile(path, about, media_type, file.stat().st_size, sha256_of(file))


def _file(folder: Path, path: str, name: str, about: str, rows: int, columns: tuple[Column, ...], key: tuple[str, ...]) -> TableFile:
    file = folder / path
    return TableFile(name, path, about, rows, file.stat().st_size, sha256_of(file), columns, key)


def _cdm_column(table: str, field: Field, action: str) -> Column:
    words = field.name.replace("_concept_id", "").removesuffix("_id").replace("_", " ")
    if field.foreign_key == "concept.concept_id":
        domain = f" of the domain {field.fk_domain}" if field.fk_domain else ""
        about = f"The {words}, as an OMOP concept{domain}."
    elif field.name in cdm_tables()[table].primary_key:
        about = "What the row is known by."
    elif field.name.endswith("_source_value"):
        about = f"The {words.removesuffix(' source value')}, in the words of the source."
    else:
        about = f"The {words}."
    return Column(field.name, _OF_FIELDS[field.base_type], f"{about} {_SAID[action]}".strip(), field.required, field.foreign_key)


def _kind(kind: pa.DataType) -> Kind:
    import pyarrow as pa

    tests: list[tuple[bool, Kind]] = [
        (pa.types.is_boolean(kind), "boolean"),
        (pa.types.is_integer(kind), "integer"),
        (pa.types.is_floating(kind) or pa.types.is_decimal(kind), "number"),
        (pa.types.is_date(kind), "date"),
        (pa.types.is_timestamp(kind), "datetime"),
    ]
    return next((name for holds, name in tests if holds), "string")


@cache
def _abouts() -> dict[str, str]:
    rows = csv.DictReader((files("plait.export.fair") / "tables.csv").read_text(encoding="utf-8").splitlines(), strict=True)
    return {row["table"]: row["about"] for row in rows}
