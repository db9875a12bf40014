"""The tables of the CDM and of plait, read from this package's CSV files.

A CDM version is one file, `omop_<major>_<minor>.csv`, with the facts of that version's specification (OHDSI CommonDataModel, Field Level):
adding a version is adding a file. `mi_cdm.csv` holds the OHDSI imaging extension,
`omics.csv` plait's extension for molecular data, `plait.csv` plait's own books. One line is one field:

    table,field,type,required,primary_key,foreign_key,fk_domain

`type` is in the specification's words (`integer`, `date`, `datetime`, `float`, `varchar(50)`, `varchar(MAX)`), `required` and `primary_key`
are `yes` or empty, and `foreign_key` is `table.field` of the same schema. Nothing heavy is imported here: the command line reads this on every start.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Literal

from plait.duck import quoted
from plait.errors import ConfigError

DEFAULT_VERSION = "5.4"
"""The CDM version that a study has unless it says otherwise."""

VOCABULARY_TABLES = (
    "concept",
    "vocabulary",
    "domain",
    "concept_class",
    "concept_relationship",
    "relationship",
    "concept_synonym",
    "concept_ancestor",
    "source_to_concept_map",
    "drug_strength",
)
"""The tables that come with a vocabulary release and hold no patient (OMOP CDM, Table Level, schema VOCAB), in the specification's order."""

_DUCKDB_TYPES = {"integer": "BIGINT", "date": "DATE", "datetime": "TIMESTAMP", "float": "DOUBLE", "varchar": "VARCHAR", "uuid": "UUID"}


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a table.

    Attributes:
        name: The column's name, unquoted (`offset` and `column` are words of SQL).
        type: The type in the specification's words, `varchar(50)`.
        required: Whether the column takes no null.
        primary_key: Whether the column is the primary key, or a part of it.
        foreign_key: `table.field` that the column points at, in the same schema.
        fk_domain: Domain that the specification wants of the concept pointed at; two are separated by a comma.
    """

    name: str
    type: str
    required: bool
    primary_key: bool
    foreign_key: str | None
    fk_domain: str | None

    @property
    def base_type(self) -> str:
        """The type without its length: `varchar` for `varchar(50)`."""
        return self.type.partition("(")[0]

    @property
    def length(self) -> int | None:
        """The most characters that the specification allows; None where it sets no bound."""
        length = self.type.partition("(")[2].rstrip(")")
        return int(length) if length.isdecimal() else None

    @property
    def duckdb_type(self) -> str:
        """The DuckDB type: integers are 64 bits wide, because row ids are, and text has no length, because DuckDB enforces none."""
        return _DUCKDB_TYPES[self.base_type]


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table.

    Attributes:
        name: The table's name.
        schema: Where it stands: `cdm` (the CDM and its extensions) or `plait` (our books).
        fields: Its columns, in the specification's order.
    """

    name: str
    schema: Literal["cdm", "plait"]
    fields: tuple[Field, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all columns, in order."""
        return tuple(field.name for field in self.fields)

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The names of the primary key's columns; empty if the specification gives the table none (`death`, `concept_ancestor`)."""
        return tuple(field.name for field in self.fields if field.primary_key)

    @property
    def id_column(self) -> str | None:
        """The one integer column that identifies a row; None if there is no such column (`death`, `vocabulary`)."""
        keys = [field for field in self.fields if field.primary_key]
        return keys[0].name if len(keys) == 1 and keys[0].base_type == "integer" else None


def cdm_versions() -> tuple[str, ...]:
    """Give the CDM versions that plait knows, lowest first.

    >>> DEFAULT_VERSION in cdm_versions()
    True
    """
    stems = (entry.name.removesuffix(".csv").split("_") for entry in files(__package__).iterdir() if entry.name.endswith(".csv"))
    numbers = sorted((int(stem[1]), int(stem[2])) for stem in stems if stem[0] == "omop")
    return tuple(f"{major}.{minor}" for major, minor in numbers)


def cdm_tables(version: str = DEFAULT_VERSION) -> dict[str, TableSpec]:
    """Give the tables of a CDM version, then those of the imaging and omics extensions, by name and in the specification's order.

    >>> cdm_tables()["person"].columns[:3]
    ('person_id', 'gender_concept_id', 'year_of_birth')

    Args:
        version: A version of `cdm_versions`.

    Raises:
        ConfigError: plait does not know the version.
    """
    known = cdm_versions()
    if version not in known:
        where = "CDM version"
        raise ConfigError(where, expected=" or ".join(known), got=repr(version), todo="Name a version that plait knows.")
    return {table.name: table for table in (*_read(f"omop_{version.replace('.', '_')}", "cdm"), *_read("mi_cdm", "cdm"), *_read("omics", "cdm"))}


def plait_tables() -> dict[str, TableSpec]:
    """Give plait's own tables by name: the books of what was read, and what the CDM has no column for.

    >>> plait_tables()["ledger"].primary_key
    ('run_id', 'source', 'file', 'shape')
    """
    return {table.name: table for table in _read("plait", "plait")}


def empty_select(table: TableSpec) -> str:
    """Give a SELECT that yields no row and the table's columns with their DuckDB types, for the view of a table without a file."""
    columns = ", ".join(f"CAST(NULL AS {field.duckdb_type}) AS {quoted(field.name)}" for field in table.fields)
    return f"SELECT {columns} WHERE false"


@cache
def _read(name: str, schema: Literal["cdm", "plait"]) -> tuple[TableSpec, ...]:
    lines = (files(__package__) / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    by_table = groupby(csv.DictReader(lines, strict=True), key=lambda row: row["table"])
    return tuple(TableSpec(table, schema, tuple(_field(row) for row in rows)) for table, rows in by_table)


def _field(row: dict[str, str]) -> Field:
    return Field(
        name=row["field"],
        type=row["type"],
        required=row["required"] == "yes",
        primary_key=row["primary_key"] == "yes",
        foreign_key=row["foreign_key"] or None,
        fk_domain=row["fk_domain"] or None,
    )
