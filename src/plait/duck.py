"""DuckDB connections and SQL files: the one engine and the one dialect.

Every statement that plait runs stands in a `.sql` file of this package or is built here and in
`plait.schema` from identifiers that are quoted by `quoted`.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb


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
    return con


def write_parquet(con: duckdb.DuckDBPyConnection, query: str, path: Path, *, compression: str = "zstd") -> int:
    """Write the rows of `query` to a new Parquet file, in their order, and give their number; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    row = con.execute(f"COPY ({query}) TO {literal(path)} (FORMAT parquet, COMPRESSION {compression})").fetchone()
    return int(row[0]) if row else 0


def make_view(con: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    """Make the temporary view `name` of `query`, in place of one of that name."""
    con.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {query}")


def parquet(*paths: object) -> str:
    """Give the table function that reads Parquet files."""
    return f"read_parquet([{', '.join(map(literal, paths))}])"


@cache
def sql(package: str, name: str) -> str:
    """Give the text of `name`.sql in `package` (`sql("plait.etl.harmonize", "death")`)."""
    return (files(package) / f"{name}.sql").read_text(encoding="utf-8")


def quoted(identifier: str) -> str:
    """Give `identifier` as a quoted SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: object) -> str:
    """Give `text` as an SQL string literal, for the few places that take no parameter (paths in views)."""
    return "'" + str(text).replace("'", "''") + "'"
