"""DuckDB connections and SQL files: the one engine and the one dialect.

Every statement that plait runs stands in a `.sql` file of this package or is built here and in
`plait.schema` from identifiers that are quoted by `quoted`.
"""

from __future__ import annotations

import os
import re
import threading
from contextlib import suppress
from functools import cache
from glob import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import duckdb

_VALUE = re.compile(r"\$([a-z_]\w*)")
_lock = threading.Lock()
_connections: WeakKeyDictionary[duckdb.DuckDBPyConnection, int] = WeakKeyDictionary()
"""Every open connection, and the thread that opened it."""


def connect(*, threads: int | None = None, memory: str | None = None, spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Give an in-memory DuckDB connection with plait's settings.

    Args:
        threads: Number of threads; DuckDB's default (all cores) if None.
        memory: Memory limit as DuckDB writes it, `"4GiB"`; half of the machine's if None.
        spill: Folder below which what does not fit into memory goes, to a folder of this connection alone.
    """
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "preserve_insertion_order": True,
    }
    if threads is not None:
        settings["threads"] = threads
    settings["memory_limit"] = memory or f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // 2 >> 20}MiB"
    if spill is not None:
        spill.mkdir(parents=True, exist_ok=True)
        settings["temp_directory"] = str(spill / f"duckdb-{uuid4().hex}")  # its own: DuckDB names the files in it the same way in every instance
    con = duckdb.connect(config=settings)
    con.execute("SET TimeZone = 'UTC'")
    with _lock:
        _connections[con] = threading.get_ident()
    return con


def interrupt(threads: Collection[int]) -> None:
    """Stop the queries that run on connections which these threads opened: each raises `duckdb.InterruptException`."""
    import duckdb

    with _lock:
        theirs = [con for con, thread in _connections.items() if thread in threads]
    for con in theirs:
        with suppress(duckdb.ConnectionException):  # it was closed meanwhile
            con.interrupt()


def write_parquet(con: duckdb.DuckDBPyConnection, query: str, path: Path, *, compression: str = "zstd") -> int:
    """Write the rows of `query` to a new Parquet file, in their order, and give their number; the folder is made.

    The file is there whole or not at all.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".tmp")
    try:
        row = con.execute(f"COPY ({query}) TO {literal(partial)} (FORMAT parquet, COMPRESSION {compression})").fetchone()
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return int(row[0]) if row else 0


def make_view(con: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    """Make the temporary view `name` of `query`, in place of one of that name."""
    con.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {query}")


def listed(con: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Give the rows of a query, each by the names of its columns, with values in their places as `filled` has them."""
    result = con.execute(filled(query, values) if values else query)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def parquet(*paths: object) -> str:
    """Give the table function that reads Parquet files: these alone, and nothing of what folders are called."""
    return f"read_parquet([{', '.join(literal(one_file(path)) for path in paths)}], hive_partitioning = false)"


def one_file(path: object) -> str:
    """Give a path as DuckDB's readers take it, for which `*`, `?` and `[` are signs of a pattern.

    >>> one_file("/data/x[1]/a.csv")
    '/data/x[[]1]/a.csv'
    """
    return escape(str(path))


@cache
def sql(package: str, name: str) -> str:
    """Give the text of `name`.sql in `package` (`sql("plait.etl.harmonize", "death")`)."""
    return (files(package) / f"{name}.sql").read_text(encoding="utf-8")


def quoted(identifier: str) -> str:
    """Give `identifier` as a quoted SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def filled(query: str, values: Mapping[str, object]) -> str:
    """Give a statement with these values in the place of `$name`, as SQL: as parameters, they have DuckDB import pandas where it is installed.

    Texts, numbers, true, false, times, nothing, and lists of them. What must not stand in a statement, as a secret, is no value of one.

    >>> filled("SELECT $name, list_max($counts)", {"name": "O'Hara", "counts": [1, 2]})
    "SELECT 'O''Hara', list_max([1, 2])"
    """
    return _VALUE.sub(lambda found: _as_sql(values[found[1]]), query)


def _as_sql(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_as_sql, value))}]"
    if value is None or isinstance(value, (bool, int, float)):
        return "NULL" if value is None else str(value).upper()
    return literal(value)


def literal(text: object) -> str:
    """Give `text` as an SQL string literal, for the few places that take no parameter (paths in views)."""
    return "'" + str(text).replace("'", "''") + "'"
