"""The same tables for SQLAlchemy, and the DDL that it compiles for DuckDB and PostgreSQL.

Tables are made without keys and get them after the load: keys make a bulk load up to eighty times slower in DuckDB, which therefore never gets
any (plait checks references by anti-join), and PostgreSQL takes them all at once at the end.
SQLAlchemy is imported inside the functions: it takes half a second, and most commands need none of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from plait.schema.specification import DEFAULT_VERSION, Field, TableSpec, cdm_tables, plait_tables

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Column, MetaData
    from sqlalchemy.sql.ddl import ExecutableDDLElement
    from sqlalchemy.types import TypeEngine

_NAMES = {
    "pk": "xpk_%(table_name)s",
    "fk": "fpk_%(table_name)s_%(column_0_name)s",
    "ix": "idx_%(table_name)s_%(column_0_name)s",
}
"""Names of keys and indices, as in OHDSI's own DDL; all fit into the 63 bytes of a PostgreSQL identifier."""

_IDENTIFIER = re.compile(r"_(id|code)(_\d)?$")

_OWN_NAMES = {"cdm": "cdm", "plait": "plait"}


def metadata(version: str = DEFAULT_VERSION, *, schema_names: bool = True) -> MetaData:
    """Give all tables as new SQLAlchemy metadata, with their primary and foreign keys.

    Args:
        version: A version of `cdm_versions`.
        schema_names: Put the tables into the schemas `cdm` and `plait`; without, they go where the connection's search path says.

    Raises:
        ConfigError: plait does not know the version.
    """
    return _metadata(version, _OWN_NAMES if schema_names else dict.fromkeys(_OWN_NAMES), keys=True)


def ddl(dialect: Literal["duckdb", "postgresql"], version: str = DEFAULT_VERSION, *, schemas: Mapping[str, str] = _OWN_NAMES) -> list[str]:
    """Give the statements that create the schemas and all their tables, with NOT NULL and without keys.

    Args:
        dialect: Whose SQL to write.
        version: A version of `cdm_versions`.
        schemas: What the schemas `cdm` and `plait` are called in the database; one that is left out is not made.

    Raises:
        ConfigError: plait does not know the version.
    """
    from sqlalchemy.schema import CreateSchema, CreateTable

    tables = _metadata(version, schemas, keys=False).tables.values()
    return _compiled(dialect, [*(CreateSchema(name, if_not_exists=True) for name in schemas.values()), *map(CreateTable, tables)])


def keys_ddl(
    dialect: Literal["postgresql"],
    version: str = DEFAULT_VERSION,
    *,
    schemas: Mapping[str, str] = _OWN_NAMES,
    without: Collection[tuple[str, str]] = (),
) -> list[str]:
    """Give the statements that add all primary keys, then all foreign keys, to loaded tables.

    Args:
        dialect: Whose SQL to write.
        version: A version of `cdm_versions`.
        schemas: As in `ddl`.
        without: (table, column) whose foreign keys are left out.

    Raises:
        ConfigError: plait does not know the version.
    """
    from sqlalchemy.schema import AddConstraint

    tables = _metadata(version, schemas, keys=True).tables.values()
    primary = [table.primary_key for table in tables if table.primary_key.columns]
    columns = [column for table in tables for column in table.columns if (table.name, column.name) not in without]
    foreign = [key.constraint for column in columns for key in column.foreign_keys if key.constraint]
    return _compiled(dialect, [AddConstraint(key, isolate_from_table=False) for key in (*primary, *foreign)])


def indices_ddl(dialect: Literal["postgresql"], version: str = DEFAULT_VERSION, *, schemas: Mapping[str, str] = _OWN_NAMES) -> list[str]:
    """Give the statements that index loaded tables: every required identifier, the row's own concept, and its visit.

    That covers what OHDSI's index files list, but for types, which are too few to be worth an index; primary keys bring their own.

    Args:
        dialect: Whose SQL to write.
        version: A version of `cdm_versions`.
        schemas: As in `ddl`.

    Raises:
        ConfigError: plait does not know the version.
    """
    from sqlalchemy.schema import CreateIndex, Index

    sql_tables = _metadata(version, schemas, keys=True).tables
    specs = [table for table in (*cdm_tables(version).values(), *plait_tables().values()) if table.schema in schemas]
    wanted = [(sql_tables[f"{schemas[table.schema]}.{table.name}"], field) for table in specs for field in table.fields if _is_looked_up(table, field)]
    return _compiled(dialect, [CreateIndex(Index(None, table.columns[field.name])) for table, field in wanted])


def _is_looked_up(table: TableSpec, field: Field) -> bool:
    if field.name in table.primary_key[:1] or field.name.endswith("_type_concept_id"):
        return False
    is_identifier = bool(field.foreign_key or _IDENTIFIER.search(field.name))
    return (field.required and is_identifier) or field.name in {"visit_occurrence_id", f"{table.name}_concept_id"}


def _metadata(version: str, schemas: Mapping[str, str] | Mapping[str, None], *, keys: bool) -> MetaData:
    """Give the tables of the schemas named, each in the schema called so; in none where the name is None."""
    from sqlalchemy import MetaData, Table

    made = MetaData(naming_convention=_NAMES)
    for tables in (cdm_tables(version), plait_tables()):
        for table in (table for table in tables.values() if table.schema in schemas):
            schema = schemas[table.schema]
            prefix = f"{schema}." if schema else ""
            cyclic = {field.name for field in table.fields if _is_cyclic(table, field, tables)}
            columns = [_column(field, prefix=prefix, keys=keys, cyclic=field.name in cyclic) for field in table.fields]
            Table(table.name, made, *columns, schema=schema)
    return made


def _column(field: Field, *, prefix: str, keys: bool, cyclic: bool) -> Column[Any]:
    from sqlalchemy import Column, ForeignKey

    points_at = [ForeignKey(prefix + field.foreign_key, use_alter=cyclic)] if keys and field.foreign_key else []
    return Column(
        field.name,
        _column_type(field),
        *points_at,
        primary_key=keys and field.primary_key,
        nullable=not field.required,
        autoincrement=False,
    )


def _column_type(field: Field) -> TypeEngine[Any]:
    from sqlalchemy import BigInteger, Date, DateTime, Double, String, Text, Uuid

    if field.base_type == "varchar":
        if field.length is None:
            return Text()
        # What a source delivers is never cut: lengths stand only where a dialect insists on them.
        return String(field.length).with_variant(Text(), "postgresql", "duckdb")
    plain: dict[str, TypeEngine[Any]] = {"integer": BigInteger(), "date": Date(), "datetime": DateTime(), "float": Double(), "uuid": Uuid()}
    return plain[field.base_type]


def _is_cyclic(table: TableSpec, field: Field, tables: Mapping[str, TableSpec]) -> bool:
    """Whether a foreign key leads back to its own table through another one (concept → domain → concept)."""
    reached: set[str] = set()
    ahead = _pointed_at(field)
    if ahead == {table.name}:
        return False
    while ahead:
        reached |= ahead
        ahead = {name for step in ahead for further in tables[step].fields for name in _pointed_at(further)} - reached
    return table.name in reached


def _pointed_at(field: Field) -> set[str]:
    return {field.foreign_key.partition(".")[0]} if field.foreign_key else set()


def _compiled(dialect: str, statements: list[ExecutableDDLElement]) -> list[str]:
    from sqlalchemy import make_url

    compiler = make_url(f"{dialect}://").get_dialect()()
    return [str(statement.compile(dialect=compiler)).strip() for statement in statements]
