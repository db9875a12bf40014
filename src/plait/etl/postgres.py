"""PostgreSQL: where a database is, how to reach it, and which of its complaints may be shown.

Nothing here ever shows a password, and nothing shows a value of a row.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from plait.duck import literal, one_file, quoted, sql
from plait.errors import ConfigError, MissingExtraError, PlaitError, PublishError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import psycopg
    from sqlalchemy import URL

_DRIVERS = ("postgresql+psycopg", "postgresql")
_FORM = "postgresql+psycopg://USER@HOST:PORT/DATABASE"
_VARIABLE = re.compile(r"\$\{(\w*)\}")
_DEFAULTS = {"connect_timeout": "10", "application_name": "plait publish"}
# SQLSTATE classes whose messages quote values: data exceptions, broken constraints, and what a trigger says.
_QUOTES_VALUES = ("22", "23", "P0")
_TODO = {
    "3D": "Create the database first, or name another.",
    "42501": "Ask its owner for that right: to make a schema takes GRANT CREATE ON DATABASE, to replace one takes owning it.",
    "53": "Give the server more room and publish again.",
}
_TODO_CONNECTION = "Check host, port and user; the password comes from PGPASSWORD, ~/.pgpass or ${VARIABLE} in the URL."
_TODO_ELSE = "Mend that and publish again."


@dataclass(frozen=True, slots=True)
class Database:
    """A PostgreSQL database.

    Attributes:
        shown: Its URL as it may be shown: without password and options.
        parameters: What libpq takes to connect.
        secrets: What must not be shown.
    """

    shown: str
    parameters: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    @property
    def sqlalchemy_url(self) -> str:
        """Its URL for SQLAlchemy, with everything that libpq is told; it holds the password."""
        from sqlalchemy import URL

        return URL.create("postgresql+psycopg", query=dict(self.parameters)).render_as_string(hide_password=False)

    def masked(self, text: str) -> str:
        """Give `text` on one line, with every secret replaced."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return " ".join(text.split())


def read_url(text: str, variables: Mapping[str, str] = os.environ) -> Database:
    """Give the database that a URL names, its `${VARIABLE}`s replaced.

    >>> read_url("postgresql+psycopg://etl:${PW}@db:5433/omop", {"PW": "a/b@c"}).shown
    'postgresql+psycopg://etl@db:5433/omop'

    Args:
        text: `postgresql+psycopg://` or `postgresql://`; options after the `?` are libpq's (`sslmode=verify-full`, `host=/socket/folder`).
        variables: Where the variables' values come from; any character may stand in them.

    Raises:
        ConfigError: It is no such URL, or a variable is not set.
    """
    from sqlalchemy import URL

    url = _parsed(expanded(text, variables))
    options = {key: value if isinstance(value, str) else ",".join(value) for key, value in url.query.items()}
    named = {"host": url.host, "port": url.port, "user": url.username, "password": url.password, "dbname": url.database}
    parameters = _DEFAULTS | {key: str(value) for key, value in named.items() if value} | options
    shown = URL.create(url.drivername, url.username, host=url.host, port=url.port, database=url.database).render_as_string()
    passwords = {value for key, value in parameters.items() if key in {"password", "sslpassword"} and value}
    secrets = sorted({*passwords, *map(quote, passwords), *(quote(value, safe="") for value in passwords)}, key=len, reverse=True)
    return Database(shown, parameters, tuple(secrets))


def expanded(text: str, variables: Mapping[str, str] = os.environ) -> str:
    """Give a URL with its `${VARIABLE}`s replaced by their values, written as a URL writes them.

    Raises:
        ConfigError: A variable is not set.
    """
    return _VARIABLE.sub(lambda found: quote(_value(found[1], variables), safe=""), text)


def columns_of_cdm(server: psycopg.Connection[Any], schema: str | None = None) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Give (schema, table, columns with their types) of each table of a schema: the one that is named, else one that holds a table `person`."""
    found = server.execute(sql("plait.etl", "postgres_columns"), [schema]).fetchall()
    return [(place, table, [(column, kind) for *_, column, kind in same]) for (place, table), same in groupby(found, key=lambda row: row[:2])]


def copy_table(server: psycopg.Connection[Any], schema: str, table: str, file: Path) -> None:
    """Write a table of a database to a CSV file without a header, block by block: null is nothing, and text without letters two quotes."""
    with server.cursor().copy(f"COPY {quoted(schema)}.{quoted(table)} TO STDOUT (FORMAT csv)".encode()) as copied, file.open("wb") as written:
        for block in copied:
            written.write(block)


def read_copied(file: Path, columns: Mapping[str, str]) -> str:
    """Give the table function that reads what `copy_table` wrote, in columns of these types."""
    types = "{" + ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items()) + "}"
    return (
        f"read_csv({literal(one_file(file))}, hive_partitioning = false, columns = {types}, header = false, auto_detect = false, "
        "delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false)"
    )


def _value(variable: str, variables: Mapping[str, str]) -> str:
    if not variables.get(variable):
        raise ConfigError("URL", expected=f"a value in the environment variable '{variable}'", got="none", todo=f"Set it: export {variable}=…")
    return variables[variable]


def _parsed(text: str) -> URL:
    """Parse a URL; what is wrong with it is said without quoting any of it, as a password may stand in the wrong place."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigError("URL", expected=_FORM, got="something else", todo="Write a password's special characters as %40 (@), %2F (/), %3A (:).") from None
    if url.drivername not in _DRIVERS:
        raise ConfigError("URL", expected=_FORM, got=f"'{url.drivername}://…'", todo="plait publishes to PostgreSQL only, through psycopg.")
    if "@" in (url.host or ""):
        raise ConfigError("URL", expected="one @, between password and host", got="several", todo="Write an @ in a password as %40.")
    return url


@contextmanager
def connected(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection in autocommit mode, whose statements take `$1`; every error of PostgreSQL becomes plait's own.

    Raises:
        MissingExtraError: psycopg is not installed.
        PublishError: The database cannot be reached, is not in UTF-8, or refuses a statement.
    """
    try:
        import psycopg
    except ImportError:
        raise MissingExtraError("plait publish", expected="the package psycopg", got="none", todo="Install it: pip install 'plait[postgres]'") from None
    try:
        # psycopg names each parameter; libpq's own options cannot all be named.
        parameters: dict[str, Any] = {**database.parameters, "client_encoding": "UTF8"}
        with psycopg.connect(**parameters, autocommit=True, cursor_factory=psycopg.RawCursor) as server:
            if server.info.parameter_status("server_encoding") != "UTF8":
                raise PublishError(
                    database.shown,
                    expected="a database in UTF8",
                    got=f"one in {server.info.parameter_status('server_encoding')}",
                    todo="Create one: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.",
                )
            yield server
    except psycopg.Error as error:
        raise _shown(database, error) from None


def _shown(database: Database, error: psycopg.Error) -> PlaitError:
    """Give PostgreSQL's complaint as plait's own: which object, never which value, never a password."""
    from psycopg import ProgrammingError

    state, told = error.sqlstate or "", error.diag
    if not state and isinstance(error, ProgrammingError):
        todo = "Use options that libpq knows (PostgreSQL's manual, Parameter Key Words)."
        return ConfigError("URL", expected="what libpq can connect with", got=database.masked(str(error)), todo=todo)
    if not state:
        return PublishError(database.shown, expected="to work with the database", got=database.masked(str(error)), todo=_TODO_CONNECTION)
    what = "no words, as they would quote values" if state.startswith(_QUOTES_VALUES) else database.masked(told.message_primary or "")
    place = ".".join(name for name in (told.table_name, told.column_name or told.constraint_name) if name)
    todo = next((advice for start, advice in _TODO.items() if state.startswith(start)), _TODO_ELSE)
    return PublishError(
        f"{database.shown}{f', {place}' if place else ''}", expected="PostgreSQL to agree", got=f"{type(error).__name__} ({state}): {what}", todo=todo
    )
