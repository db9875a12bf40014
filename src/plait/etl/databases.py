"""A CDM in any database that SQLAlchemy reaches: read only, in batches, and no word of a password or a row in an error."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.errors import ConfigError, MissingExtraError
from plait.etl.postgres import expanded

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    import sqlalchemy as sa

BATCH_ROWS = 20_000
"""Rows that are in memory at a time."""


@dataclass(frozen=True, slots=True)
class DatabaseTable:
    """A table or a view of a database.

    Attributes:
        schema: Its schema, None where the database has none.
        name: Its name, as the database spells it.
        columns: Its columns and what DuckDB would call their types; text where there is no such type.
    """

    schema: str | None
    name: str
    columns: tuple[tuple[str, str], ...]


@contextmanager
def reading(url: str, where: str) -> Iterator[sa.Connection]:
    """Give a connection to the database of a URL, whose `${VARIABLE}`s are replaced.

    Args:
        url: A URL as SQLAlchemy has it.
        where: What an error names in its place.

    Raises:
        ConfigError: There is no such database, or it cannot be read.
        MissingExtraError: Its driver is not installed.
    """
    import sqlalchemy as sa

    try:
        made = sa.make_url(expanded(url))
        if made.drivername.startswith("sqlite") and not Path(made.database or "").is_file():
            raise ConfigError(where, expected="the file of a database", got="no such file", todo="Mend the URL: sqlite:////absolute/path.")
        engine = sa.create_engine(made)
        with engine.connect() as con:
            yield con
    except ImportError as error:
        raise MissingExtraError(where, expected=f"the driver of {url.partition(':')[0]}", got=f"no module {error.name}", todo="Install it.") from None
    except sa.exc.SQLAlchemyError as error:
        raise ConfigError(
            where,
            expected="a database that can be read",
            got=f"{type(error).__name__}, of which no words are shown",
            todo="Try the URL with SQLAlchemy itself.",
        ) from None


def tables_of_cdm(con: sa.Connection, schema: str | None = None) -> list[DatabaseTable]:
    """Give the tables and views of a schema: the one that is named, else the first that holds a table `person`."""
    import sqlalchemy as sa

    inspector = sa.inspect(con)
    place = schema or next((name for name in inspector.get_schema_names() if _has_person(inspector, name)), None)
    names = sorted({*inspector.get_table_names(place), *inspector.get_view_names(place)})
    return [DatabaseTable(place, name, tuple((str(c["name"]), _type_of(c["type"])) for c in inspector.get_columns(name, place))) for name in names]


def batches(con: sa.Connection, table: DatabaseTable) -> Iterator[pa.RecordBatch]:
    """Give the rows of a table, all columns as text, at most `BATCH_ROWS` at a time."""
    import pyarrow as pa
    import sqlalchemy as sa

    columns = [name for name, _ in table.columns]
    asked = sa.select(sa.table(table.name, *map(sa.column, columns), schema=table.schema))
    schema = texts(table)
    for batch in con.execution_options(stream_results=True, yield_per=BATCH_ROWS).execute(asked).partitions():
        yield pa.record_batch([_text(list(column)) for column in zip(*batch, strict=True)], schema=schema)


def texts(table: DatabaseTable) -> pa.Schema:
    """Give the schema of a table's batches: text in every column."""
    import pyarrow as pa

    return pa.schema([(name, pa.string()) for name, _ in table.columns])


def _has_person(inspector: sa.Inspector, schema: str) -> bool:
    return any(table.lower() == "person" for table in inspector.get_table_names(schema))


def _type_of(kind: sa.types.TypeEngine[Any]) -> str:
    """Give DuckDB's type for a column's."""
    import sqlalchemy as sa

    if isinstance(kind, sa.Numeric) and kind.scale == 0:
        return "HUGEINT"  # as Oracle and others keep ids
    known = ((sa.Boolean, "BOOLEAN"), (sa.Integer, "BIGINT"), (sa.Numeric, "DOUBLE"), (sa.DateTime, "TIMESTAMP"), (sa.Date, "DATE"))
    return next((name for generic, name in known if isinstance(kind, generic)), "VARCHAR")


def _text(values: list[Any]) -> pa.Array:
    """Give values as text; those of which Arrow makes none (a mix of types) are written as Python writes them."""
    import pyarrow as pa

    try:
        return pa.array(values).cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
