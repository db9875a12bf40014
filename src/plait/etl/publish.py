"""`plait publish`: the CDM of a study in a PostgreSQL database, with keys and indices, all at once or not at all.

One transaction makes a new schema, copies every table into it, adds keys and indices, and renames it into place. Renaming waits for no reader
and makes none wait: a statement sees the CDM from before or from after, and a failure leaves the one from before.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plait import __version__
from plait.duck import literal, make_view, quoted, sql
from plait.errors import ConfigError, PublishError
from plait.etl.catalog import open_catalog
from plait.etl.commit import Version, warehouse_of
from plait.etl.postgres import connected, read_url
from plait.progress import silent
from plait.schema import VOCABULARY_TABLES, cdm_tables, ddl, indices_ddl, keys_ddl
from plait.workfolder import work_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb
    import psycopg

    from plait.progress import Progress
    from plait.schema import Field, TableSpec

DEFAULT_SCHEMA = "cdm"
"""Name of the schema in the database unless another one is named."""

_NAME = re.compile(r"(?!pg_|information_schema$|public$)[a-z_][a-z0-9_]{0,45}")
_MARK = "plait "
_PUT_ASIDE = "plait replaced this CDM; it goes with the next `plait publish` that finds nobody reading it"
_BLOCK_BYTES = 1 << 20
# PostgreSQL looks for deadlocks after a second: whoever clears away gives up before a reader could be chosen.
_PATIENCE = "500ms"
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))


@dataclass(frozen=True, slots=True)
class TableRows:
    """The rows of a table in the study and in the database; unequal numbers are an error and never reported."""

    table: str
    study: int
    database: int


@dataclass(frozen=True, slots=True)
class KeyLeftOut:
    """A foreign key that does not hold.

    Attributes:
        table: The table that it would stand on.
        column: Its column there.
        references: `table.column` that it points at.
        rows: Rows whose value is missing there.
        missing: Different values that are missing there.
        first: The lowest few of them, of vocabulary tables only: other ids tell of patients.
    """

    table: str
    column: str
    references: str
    rows: int
    missing: int
    first: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What was published.

    Attributes:
        database: The URL without password and options.
        schema: The schema in the database.
        version: The study's version that is there now.
        replaced: Whether an earlier publication was replaced.
        tables: Rows of every table of the CDM.
        primary_keys: Number of primary keys made.
        foreign_keys: Number of foreign keys made.
        keys_left_out: Foreign keys that were not made, for rows that point at nothing.
        indices: Number of indices made, besides those of primary keys.
        put_aside: Schemas with earlier publications that somebody still reads; the next publication removes them.
    """

    database: str
    schema: str
    version: int
    replaced: bool
    tables: tuple[TableRows, ...]
    primary_keys: int
    foreign_keys: int
    keys_left_out: tuple[KeyLeftOut, ...]
    indices: int
    put_aside: tuple[str, ...]


def publish(study: Path, version: Version, url: str, *, schema: str = DEFAULT_SCHEMA, progress: Progress = silent) -> PublishReport:
    """Write a version's CDM, vocabulary included, into a schema of a PostgreSQL database, in place of what plait published there before.

    Nothing but the CDM is written: no raw record, no book, nothing of `private/`. Text becomes TEXT. A foreign key with values that the table
    it points at lacks (concepts of a partial vocabulary) is left out and reported.

    Args:
        study: The study's folder.
        version: Which version to publish.
        url: `postgresql+psycopg://user@host:port/database`; see `plait.etl.postgres.read_url`.
        schema: The schema in the database; one that plait did not make is refused.
        progress: Hears about rows passing through steps.

    Raises:
        ConfigError: The URL or the schema's name is wrong, or the schema is not plait's to replace.
        MissingExtraError: psycopg is not installed.
        PublishError: The CDM holds what PostgreSQL cannot, or the database refuses; what was published before stands.
    """
    database = read_url(url)
    if not _NAME.fullmatch(schema):
        todo = "Use at most 46 lower-case letters, digits and underscores, and no name of PostgreSQL's own."
        raise ConfigError("--schema", expected="the name of a schema", got=repr(schema), todo=todo)
    with connected(database) as server, work_folder(warehouse_of(study), ".publish-") as spill:
        _rehearse(server, schema)
        with open_catalog(study, version) as con:
            con.execute(f"SET temp_directory = {literal(spill)}")
            rows = _checked_rows(con)
            missing = tuple(_keys_left_out(con, rows))
            con.execute("SET threads = 1")  # one writes as fast as the server reads; a second one would take the server's core and wait
            with server.transaction():
                _settle(server, schema)
                fresh = f"{schema}_new_{secrets.token_hex(4)}"
                made = _make(server, con, fresh, (rows, missing), progress)
                published = _count(server, fresh)
                _same_rows(rows, published)
                mark = f"{_MARK}{__version__} published this CDM, version {version.version}"
                server.execute(f"COMMENT ON SCHEMA {quoted(fresh)} IS {literal(mark)}".encode())
                _carry_grants(server, schema, fresh)
                replaced = _put_in_place(server, fresh, schema)
        put_aside = _clear_away(server, schema)
    return PublishReport(
        database=database.shown,
        schema=schema,
        version=version.version,
        replaced=replaced,
        tables=tuple(TableRows(table, count, published[table]) for table, count in rows.items()),
        primary_keys=made["PRIMARY KEY"],
        foreign_keys=made["FOREIGN KEY"],
        keys_left_out=missing,
        indices=made["CREATE INDEX"],
        put_aside=put_aside,
    )


def _checked_rows(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Give the rows of every table, unless one holds what PostgreSQL refuses: a NUL in a text, or nothing in a required column."""
    rows: dict[str, int] = {}
    nuls: list[str] = []
    empty: list[str] = []
    for name, spec in cdm_tables().items():
        required = [field.name for field in spec.fields if field.required]
        texts = [field.name for field in spec.fields if field.base_type == "varchar"]
        counts = [f"count(*) - count({quoted(column)})" for column in required]
        counts += [f"count(*) FILTER (contains({quoted(column)}, chr(0)))" for column in texts]
        found = con.execute(f"SELECT {', '.join(['count(*)', *counts])} FROM cdm.{quoted(name)}").fetchone() or ()
        rows[name] = int(found[0])
        empty += [f"{name}.{column} ({count:,} rows)" for column, count in zip(required, found[1:], strict=False) if count]
        nuls += [f"{name}.{column} ({count:,} rows)" for column, count in zip(texts, found[1 + len(required) :], strict=True) if count]
    if empty:
        todo = "Mend the source or its SELECT and run `plait etl run` again."
        raise PublishError("cdm", expected="a value in every required column", got=f"none in {', '.join(empty)}", todo=todo)
    if nuls:
        todo = "PostgreSQL cannot store them: remove them from the source files, or in the source's SELECT, and run `plait etl run` again."
        raise PublishError("cdm", expected="text without NUL characters", got=f"some in {', '.join(nuls)}", todo=todo)
    return rows


def _keys_left_out(con: duckdb.DuckDBPyConnection, rows: Mapping[str, int]) -> Iterator[KeyLeftOut]:
    """Give the foreign keys that do not hold, found by anti-join."""
    filled = [spec for spec in cdm_tables().values() if rows[spec.name]]
    for table, field in [(spec, field) for spec in filled for field in spec.fields if field.foreign_key]:
        target, _, column = str(field.foreign_key).partition(".")
        make_view(con, "pointing", f"SELECT {quoted(field.name)} AS value FROM cdm.{quoted(table.name)}")
        make_view(con, "pointed_at", f"SELECT {quoted(column)} AS value FROM cdm.{quoted(target)}")
        missing, in_rows, first = con.execute(sql("plait.etl", "publish_missing")).fetchone() or (0, 0, None)
        if missing:
            shown = tuple(first or ()) if target in VOCABULARY_TABLES else ()
            yield KeyLeftOut(table.name, field.name, str(field.foreign_key), int(in_rows), int(missing), shown)


def _rehearse(server: psycopg.Connection[Any], schema: str) -> None:
    """Find out what would fail at the very end before anything is loaded: make a schema, put it in place, and take it all back."""
    with server.transaction(force_rollback=True):
        _settle(server, schema)
        fresh = f"{schema}_new_{secrets.token_hex(4)}"
        server.execute(f"CREATE SCHEMA {quoted(fresh)}".encode())
        _put_in_place(server, fresh, schema)


def _settle(server: psycopg.Connection[Any], schema: str) -> None:
    """Begin a publication: be the only one, and replace only what plait made.

    Raises:
        ConfigError: The schema is not plait's, or holds or carries what others made.
        PublishError: Somebody else publishes into it now.
    """
    server.execute("SET LOCAL statement_timeout = 0")
    server.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    alone = server.execute("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", [f"plait publish {schema}"]).fetchone()
    if not (alone and alone[0]):
        raise PublishError(f"schema {schema}", expected="to be the only publication", got="another one in progress", todo="Wait for it, then publish again.")
    comment = _schemas(server, schema).get(schema)
    if comment is None:
        return
    if not comment.startswith(_MARK):
        todo = "Name another one with --schema, or rename or drop that one if nobody needs it."
        raise ConfigError(f"schema {schema}", expected="none, or one that `plait publish` made", got="one that plait did not make", todo=todo)
    others = [row[0] for row in server.execute(sql("plait.etl", "publish_obstacles").encode(), [schema, list(cdm_tables())]).fetchall()]
    if others:
        todo = "They would go with the CDM that is replaced: move them (their definitions) away, publish, and make them again; or use another --schema."
        raise ConfigError(f"schema {schema}", expected="nothing but what plait made", got="also " + ", ".join(others), todo=todo)


def _schemas(server: psycopg.Connection[Any], schema: str) -> dict[str, str]:
    """Give the comments of the schema and of those put aside for it, by name."""
    return dict(server.execute(sql("plait.etl", "publish_schemas").encode(), [schema]).fetchall())


def _make(
    server: psycopg.Connection[Any],
    con: duckdb.DuckDBPyConnection,
    fresh: str,
    found: tuple[Mapping[str, int], Sequence[KeyLeftOut]],
    progress: Progress,
) -> dict[str, int]:
    """Make and fill a new schema; give the number of statements that made keys and indices, by their kind.

    Args:
        server: Where to.
        con: Where from.
        fresh: The schema's name.
        found: What was found in the study: rows per table, and the keys to leave out.
        progress: Hears about rows.
    """
    rows, missing = found
    names = {"cdm": fresh}
    for statement in ddl("postgresql", schemas=names):
        server.execute(statement.encode())
    for spec in cdm_tables().values():
        if rows[spec.name]:
            _copy(server, con, fresh, spec, progress)
    server.execute(f"ANALYZE {', '.join(f'{quoted(fresh)}.{quoted(name)}' for name in cdm_tables())}".encode())
    made = dict.fromkeys(("PRIMARY KEY", "FOREIGN KEY", "CREATE INDEX"), 0)
    keys = keys_ddl("postgresql", schemas=names, without={(key.table, key.column) for key in missing})
    for statement in (*keys, *indices_ddl("postgresql", schemas=names)):
        server.execute(statement.encode())
        made[next(kind for kind in made if kind in statement)] += 1
        progress("keys and indices", 0)
    return made


def _copy(server: psycopg.Connection[Any], con: duckdb.DuckDBPyConnection, fresh: str, spec: TableSpec, progress: Progress) -> None:
    """Copy a table: DuckDB writes PostgreSQL's text format into a pipe, and its blocks go on to the server as they are."""
    columns = ", ".join(map(quoted, spec.columns))
    query = f"SELECT {', '.join(map(_as_text, spec.fields))} FROM cdm.{quoted(spec.name)}"
    # FREEZE: rows of a table made in this transaction need no second visit by vacuum, and readers with an older snapshot see no empty table.
    command = f"COPY {quoted(fresh)}.{quoted(spec.name)} ({columns}) FROM STDIN (FORMAT text, FREEZE)"
    with _written(con, query) as blocks, server.cursor() as cursor, cursor.copy(command.encode()) as copy:
        for block in blocks:
            copy.write(block)
            progress("publishing", block.count(b"\n"))


def _as_text(field: Field) -> str:
    """Give the expression of a column as COPY's text format spells it (PostgreSQL's manual, COPY, "Text Format"); a null is left to the writer."""
    column = quoted(field.name)
    if field.base_type == "varchar":
        for character, escape in _ESCAPES:
            column = f"replace({column}, {literal(character)}, {literal(escape)})"
    return column


@contextmanager
def _written(con: duckdb.DuckDBPyConnection, query: str) -> Iterator[Iterator[bytes]]:
    """Give the lines that DuckDB writes for a query, in blocks of bytes; a failure of DuckDB shows when they are at their end."""
    read_end, write_end = os.pipe()
    with suppress(OSError):  # where the system's limit is lower, the pipe stays as it is
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, _BLOCK_BYTES)
    with con.cursor() as cursor, ThreadPoolExecutor(1) as writer:

        def write() -> None:
            try:
                cursor.execute(f"COPY ({query}) TO '/dev/fd/{write_end}' (FORMAT csv, HEADER false, DELIMITER '\t', QUOTE '', ESCAPE '', NULLSTR '\\N')")
            finally:
                os.close(write_end)

        def blocks() -> Iterator[bytes]:
            while block := os.read(read_end, _BLOCK_BYTES):
                yield block
            writing.result()

        writing = writer.submit(write)
        try:
            yield blocks()
        finally:
            cursor.interrupt()
            os.close(read_end)


def _count(server: psycopg.Connection[Any], schema: str) -> dict[str, int]:
    """Give the rows of every table in the database."""
    counts = [f"(SELECT count(*) FROM {quoted(schema)}.{quoted(name)})" for name in cdm_tables()]
    return dict(zip(cdm_tables(), server.execute(f"SELECT {', '.join(counts)}".encode()).fetchone() or (), strict=True))


def _same_rows(study: Mapping[str, int], database: Mapping[str, int]) -> None:
    """Fail unless every table has as many rows in the database as in the study."""
    unequal = [f"{table}: {count:,} and {database[table]:,}" for table, count in study.items() if count != database[table]]
    if unequal:
        todo = "Nothing was replaced. Publish again, and report it if it stays."
        raise PublishError("rows in the study and in the database", expected="equal numbers", got="; ".join(unequal), todo=todo)


def _carry_grants(server: psycopg.Connection[Any], schema: str, fresh: str) -> None:
    """Grant on the new schema what was granted on the one from before, so that its readers stay readers."""
    for (statement,) in server.execute(sql("plait.etl", "publish_grants").encode(), [schema, fresh]).fetchall():
        server.execute(statement.encode())


def _put_in_place(server: psycopg.Connection[Any], fresh: str, schema: str) -> bool:
    """Rename the new schema, put the one from before aside, and say whether there was one."""
    replaced = schema in _schemas(server, schema)
    if replaced:
        aside = f"{schema}_old_{secrets.token_hex(4)}"
        server.execute(f"ALTER SCHEMA {quoted(schema)} RENAME TO {quoted(aside)}".encode())
        server.execute(f"COMMENT ON SCHEMA {quoted(aside)} IS {literal(_PUT_ASIDE)}".encode())
    server.execute(f"ALTER SCHEMA {quoted(fresh)} RENAME TO {quoted(schema)}".encode())
    return replaced


def _clear_away(server: psycopg.Connection[Any], schema: str) -> tuple[str, ...]:
    """Drop what was put aside, and give the names of what cannot go yet: it is read, or others have built on it since."""
    from psycopg import Error

    kept = []
    for name, comment in _schemas(server, schema).items():
        if name == schema or comment != _PUT_ASIDE:
            continue
        try:
            with server.transaction():
                server.execute(f"SET LOCAL lock_timeout = {literal(_PATIENCE)}".encode())
                server.execute(f"DROP TABLE IF EXISTS {', '.join(f'{quoted(name)}.{quoted(table)}' for table in cdm_tables())} RESTRICT".encode())
                server.execute(f"DROP SCHEMA {quoted(name)} RESTRICT".encode())
        except Error:
            kept.append(name)
    return tuple(kept)
