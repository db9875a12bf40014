"""The tables as data, compared with what OHDSI publishes: the field and table lists, the DDL, the keys and the indices."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import pytest

from plait.errors import ConfigError
from plait.schema import VOCABULARY_TABLES, TableSpec, cdm_tables, cdm_versions, ddl, empty_select, indices_ddl, keys_ddl, metadata, plait_tables

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

IMAGING = ("image_occurrence", "image_feature")
OMICS = ("omics_occurrence", "omics_feature", "omics_variant")
OMICS_KEYS = 6
"""Foreign keys of plait's extension for molecular data, which no specification of others has."""

# Where the specification writes one field in two ways. Its field list and its DDL agree on all else: names, order, nullability and keys.
EXCEPTIONS = {
    # The field list has "Integer" here and "integer" in its 221 other places.
    ("visit_occurrence", "visit_type_concept_id", "Integer"): ("visit_type_concept_id", "integer"),
    # The field list quotes this word of SQL as its DDL must; the column's name is offset.
    ("note_nlp", '"offset"', "varchar(50)"): ("offset", "varchar(50)"),
}

# MI-CDM has no field list, so its types are PostgreSQL's; these are the same in the words of the CDM's field list.
MI_CDM_TYPES = {"integer": "integer", "date": "date", "timestamp": "datetime", "TEXT": "varchar(MAX)"}

# Indices of OHDSI's files that are left out by rule: a type has a handful of values.
INDICES_LEFT_OUT = {("note", "note_type_concept_id")}


def spec_rows(shared: Path, level: str) -> list[dict[str, str]]:
    with (shared / f"spec/omop-cdm/csv/OMOP_CDMv5.4_{level}_Level.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def spec_sql(shared: Path, dialect: str, part: str) -> list[str]:
    """The CDM's file, then the imaging extension's."""
    ddl_folders = {"omop-cdm/ddl": "OMOPCDM", "mi-cdm/inst/ddl": "MICDM"}
    return [(shared / "spec" / folder / f"5.4/{dialect}/{stem}_{dialect}_5.4_{part}.sql").read_text() for folder, stem in ddl_folders.items()]


def primary_keys(sql: Iterable[str]) -> set[tuple[str, str]]:
    return set(re.findall(r"ALTER TABLE \S+?\.(\w+) +ADD CONSTRAINT \w+ PRIMARY KEY \((\w+)\)", "\n".join(sql)))


def foreign_keys(sql: Iterable[str]) -> list[tuple[str, ...]]:
    pattern = r"ALTER TABLE \S+?\.(\w+) +ADD CONSTRAINT \w+ FOREIGN KEY ?\((\w+)\) REFERENCES \S+?\.(\w+) \((\w+)\)"
    return sorted(tuple(part.lower() for part in key) for key in re.findall(pattern, "\n".join(sql)))


def indices(sql: Iterable[str]) -> set[tuple[str, str]]:
    return set(re.findall(r"^CREATE INDEX \w+ +ON \S+?\.(\w+) +\((\w+)", "\n".join(sql), re.MULTILINE))


def keys_of(tables: Iterable[TableSpec]) -> list[tuple[str, ...]]:
    return sorted((table.name, field.name, *field.foreign_key.split(".")) for table in tables for field in table.fields if field.foreign_key)


def columns_made(statements: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """Table → its columns in order, each with its nullability."""
    with duckdb.connect() as connection:
        for statement in statements:
            connection.execute(statement)
        rows = connection.execute(
            "SELECT table_name, column_name, is_nullable FROM information_schema.columns WHERE table_schema = 'cdm' ORDER BY table_name, ordinal_position",
        ).fetchall()
    made: dict[str, list[tuple[str, str]]] = {}
    for table, column, nullable in rows:
        made.setdefault(table, []).append((column, nullable))
    return made


def cdm_only() -> dict[str, TableSpec]:
    return {name: table for name, table in cdm_tables("5.4").items() if name not in (*IMAGING, *OMICS)}


def test_every_field_is_as_in_the_field_list(shared: Path) -> None:
    excepted = set()
    expected = []
    for row in spec_rows(shared, "Field"):
        key = (row["cdmTableName"], row["cdmFieldName"], row["cdmDatatype"])
        excepted |= {key} & EXCEPTIONS.keys()
        name, type_ = EXCEPTIONS.get(key, key[1:])
        foreign_key = f"{row['fkTableName']}.{row['fkFieldName']}".lower() if row["isForeignKey"] == "Yes" else None
        fk_domain = None if row["fkDomain"] == "NA" else row["fkDomain"]
        expected.append((row["cdmTableName"], name, type_, row["isRequired"] == "Yes", row["isPrimaryKey"] == "Yes", foreign_key, fk_domain))
    got = [
        (table.name, field.name, field.type, field.required, field.primary_key, field.foreign_key, field.fk_domain)
        for table in cdm_only().values()
        for field in table.fields
    ]
    assert got == expected
    assert len(got) == 432
    assert excepted == EXCEPTIONS.keys()


def test_tables_are_the_39_of_the_table_list_in_its_order(shared: Path) -> None:
    rows = spec_rows(shared, "Table")
    assert list(cdm_only()) == [row["cdmTableName"] for row in rows]
    assert len(cdm_only()) == 39
    assert list(cdm_tables()) == [*cdm_only(), *IMAGING, *OMICS]
    assert [row["cdmTableName"] for row in rows if row["schema"] == "VOCAB"] == list(VOCABULARY_TABLES)


def test_imaging_tables_are_as_in_the_extensions_ddl(shared: Path) -> None:
    _, made = spec_sql(shared, "postgresql", "ddl")
    _, primary = spec_sql(shared, "postgresql", "primary_keys")
    _, constraints = spec_sql(shared, "postgresql", "constraints")
    tables = [cdm_tables()[name] for name in IMAGING]
    expected = [
        (table, column, MI_CDM_TYPES[type_], null == "NOT NULL", (table, column) in primary_keys([primary]))
        for table, body in re.findall(r"CREATE TABLE \S+?\.(\w+) ?\((.*?)\);", made, re.DOTALL)
        for column, type_, null in re.findall(r"(\w+) (\w+) (NOT NULL|NULL)", body)
    ]
    assert [(table.name, field.name, field.type, field.required, field.primary_key) for table in tables for field in table.fields] == expected
    assert len(expected) == 23
    assert keys_of(tables) == foreign_keys([constraints])
    assert len(keys_of(tables)) == 7


def test_duckdb_makes_the_columns_of_ohdsis_ddl(shared: Path) -> None:
    ohdsi = [part.replace("@cdmDatabaseSchema", "cdm") for part in spec_sql(shared, "duckdb", "ddl")]
    expected = columns_made(["CREATE SCHEMA cdm", *ohdsi])
    assert {table: columns for table, columns in columns_made(ddl("duckdb")).items() if table not in OMICS} == expected
    assert len(expected) == 41


def test_keys_are_those_of_ohdsis_files(shared: Path) -> None:
    statements = keys_ddl("postgresql")
    omics = [statement for statement in statements if statement.startswith(tuple(f"ALTER TABLE cdm.{table} " for table in OMICS))]
    cdm = [statement for statement in statements if statement.startswith("ALTER TABLE cdm.") and statement not in omics]
    assert primary_keys(cdm) == primary_keys(spec_sql(shared, "postgresql", "primary_keys"))
    assert foreign_keys(cdm) == foreign_keys(spec_sql(shared, "postgresql", "constraints"))
    assert (len(primary_keys(cdm)), len(foreign_keys(cdm))) == (28 + 2, 176 + 7)
    assert len(cdm) == 28 + 2 + 176 + 7
    assert len(omics) == len(OMICS) + OMICS_KEYS
    assert len(statements) - len(cdm) - len(omics) == sum(bool(table.primary_key) for table in plait_tables().values())


def test_primary_keys_stand_before_the_foreign_keys_that_need_them() -> None:
    kinds = ["FOREIGN" if "FOREIGN KEY" in statement else "PRIMARY" for statement in keys_ddl("postgresql")]
    assert kinds == sorted(kinds, reverse=True)


def test_indices_cover_those_of_ohdsis_files(shared: Path) -> None:
    own = {(table.name, table.id_column) for table in cdm_tables().values()} | {(name, f"{name}_id") for name in VOCABULARY_TABLES}
    expected = indices(spec_sql(shared, "postgresql", "indices")) - own
    statements = indices_ddl("postgresql")
    assert expected - indices(statements) == INDICES_LEFT_OUT
    assert not indices(statements) & {(table.name, table.id_column) for table in cdm_tables().values()}
    assert len(indices(statements)) == len(statements)


@pytest.mark.parametrize("version", cdm_versions())
def test_every_foreign_key_points_at_a_primary_key(version: str) -> None:
    for tables in (cdm_tables(version), plait_tables()):
        for _, _, table, field in keys_of(tables.values()):
            assert tables[table].primary_key == (field,)


@pytest.mark.parametrize("version", cdm_versions())
def test_duckdb_columns_have_the_types_of_the_specification(version: str) -> None:
    with duckdb.connect() as connection:
        for statement in ddl("duckdb", version):
            connection.execute(statement)
        for table in (*cdm_tables(version).values(), *plait_tables().values()):
            made = connection.execute(
                "SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? ORDER BY column_index",
                [table.schema, table.name],
            ).fetchall()
            assert made == [(field.name, field.duckdb_type, not field.required) for field in table.fields]
        keys = connection.execute("SELECT DISTINCT constraint_type FROM duckdb_constraints()").fetchall()
    assert keys == [("NOT NULL",)]


def test_empty_select_has_the_types_and_no_row() -> None:
    with duckdb.connect() as connection:
        for table in (*cdm_tables().values(), *plait_tables().values()):
            empty = connection.sql(empty_select(table))
            assert list(zip(empty.columns, map(str, empty.types), strict=True)) == [(field.name, field.duckdb_type) for field in table.fields]
            assert empty.fetchall() == []


def test_postgresql_gets_text_without_length_and_no_keys() -> None:
    statements = ddl("postgresql")
    assert statements[:2] == ["CREATE SCHEMA IF NOT EXISTS cdm", "CREATE SCHEMA IF NOT EXISTS plait"]
    assert len(statements) == 2 + 39 + 2 + len(OMICS) + len(plait_tables())
    sql = "\n".join(statements)
    types = set(re.findall(r'^\t"?\w+"? ([A-Z ]+?)(?: NOT NULL)?,? *$', sql, re.MULTILINE))
    assert types == {"BIGINT", "DATE", "DOUBLE PRECISION", "TEXT", "TIMESTAMP WITHOUT TIME ZONE", "UUID"}
    assert "KEY" not in sql


def test_a_schema_can_have_another_name_and_one_that_is_not_named_is_not_made() -> None:
    names = {"cdm": "omop"}
    for writer in (ddl, keys_ddl, indices_ddl):
        own = [statement for statement in writer("postgresql") if re.search(r"\bcdm\b", statement)]
        assert writer("postgresql", schemas=names) == [re.sub(r"\bcdm\b", "omop", statement) for statement in own]


def test_foreign_keys_can_be_left_out() -> None:
    left_out = {("person", "race_concept_id"), ("person", "person_id"), ("domain", "domain_concept_id")}
    fewer = set(keys_ddl("postgresql")) - set(keys_ddl("postgresql", without=left_out))
    assert foreign_keys(fewer) == [("domain", "domain_concept_id", "concept", "concept_id"), ("person", "race_concept_id", "concept", "concept_id")]
    assert len(fewer) == 2


def test_metadata_sorts_tables_so_that_a_reference_follows_its_target() -> None:
    order = [table.name for table in metadata().sorted_tables]
    assert len(order) == 39 + 2 + len(OMICS) + len(plait_tables())
    chain = ("concept", "location", "care_site", "provider", "person", "visit_occurrence", "visit_detail")
    assert [name for name in order if name in chain] == list(chain)
    assert order.index("image_occurrence") < order.index("image_feature")


def test_metadata_without_schema_names_keeps_every_key() -> None:
    with_names, without = metadata(), metadata(schema_names=False)
    assert {table.schema for table in with_names.tables.values()} == {"cdm", "plait"}
    assert set(without.tables) == cdm_tables().keys() | plait_tables().keys()
    for made in (with_names, without):
        keys = [key for table in made.tables.values() for column in table.columns for key in column.foreign_keys]
        assert len(keys) == 176 + 7 + OMICS_KEYS
        assert all(key.column.primary_key for key in keys)


def test_no_table_of_ours_has_the_name_of_a_cdm_table() -> None:
    assert not cdm_tables().keys() & plait_tables().keys()


@pytest.mark.parametrize(
    ("table", "primary_key", "id_column"),
    [
        ("person", ("person_id",), "person_id"),
        ("image_feature", ("image_feature_id",), "image_feature_id"),
        ("death", (), None),
        ("vocabulary", ("vocabulary_id",), None),
        ("ledger", ("run_id", "source", "file", "shape"), None),
        ("time_anchor", ("person_id", "source"), None),
    ],
)
def test_id_column_is_the_one_integer_that_names_a_row(table: str, primary_key: tuple[str, ...], id_column: str | None) -> None:
    spec = (cdm_tables() | plait_tables())[table]
    assert (spec.primary_key, spec.id_column) == (primary_key, id_column)


def test_an_unknown_version_names_those_that_exist() -> None:
    for reader in (cdm_tables, metadata, lambda version: ddl("duckdb", version)):
        with pytest.raises(ConfigError, match=r"expected (.+ or )?5\.4\b.*got '4\.0'"):
            reader("4.0")


def test_a_table_of_one_caller_is_not_changed_by_another() -> None:
    cdm_tables().clear()
    assert len(cdm_tables()) == 39 + 2 + len(OMICS)


def test_reading_the_tables_imports_nothing_heavy() -> None:
    code = "import sys, plait.schema as s; s.cdm_tables(); s.plait_tables(); print({'sqlalchemy', 'duckdb', 'pyarrow', 'polars'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"
