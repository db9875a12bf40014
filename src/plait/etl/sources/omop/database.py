"""The tables of a CDM in a database, as files: read only, in batches, and kept in the warehouse for as long as they are what is there.

A table becomes a Parquet file, whose columns are text where the database is not DuckDB: SELECTs read text anyhow. A file that says the
same as the one before stays, so that a rerun on an unchanged database changes nothing.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from plait.duck import connect, literal, quoted, sql, write_parquet
from plait.errors import ConfigError, InputFileError, in_words
from plait.etl.databases import batches, reading, tables_of_cdm, texts
from plait.etl.own_code import code_digest
from plait.etl.postgres import columns_of_cdm, connected, copy_table, expanded, read_copied, read_url
from plait.hashing import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from plait.etl.sources.folder import Source

_MEMORY = "1GiB"
_POSTGRES = ("postgresql", "postgres")
_TODO = "Name a database with the tables of a CDM in one schema, and the schema ('schema: …') where several hold a table person."


def tables_of_database(source: Source, file: Path | None = None) -> list[tuple[str | None, Path]]:
    """Give (table, file) for each table of the CDM in a source's database, having laid down what has changed.

    Args:
        source: The source.
        file: The DuckDB file, where its URL does not say.

    Raises:
        ConfigError: No CDM is there, or the URL is none that can be used.
        InputFileError: A DuckDB file cannot be read.
        MissingExtraError: A driver is not installed.
        PublishError: PostgreSQL cannot be reached, or refuses.
    """
    assert source.cache is not None  # noqa: S101 - a kind that reads databases has one
    folder = source.cache.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    dialect = (source.url or "").partition(":")[0].partition("+")[0]
    if file is not None or dialect == "duckdb":
        names = _of_duckdb(source, folder, file or _file_of(str(source.url)))
    elif dialect in _POSTGRES:
        names = _of_postgres(source, folder)
    else:
        names = _of_any(source, folder)
    for gone in (file for file in folder.iterdir() if file.stem not in names):
        gone.unlink()
    if "person" not in names:
        where = f"plait.yaml: source '{source.name}'"
        raise ConfigError(where, expected="a database that holds a CDM", got="one without a table person", todo=_TODO)
    return [(name, folder / f"{name}.parquet") for name in names]


def _wanted(source: Source, tables: list[str]) -> list[tuple[str, str]]:
    """Give (table of the CDM, table of the database) of those that a source may read, in order of name."""
    return sorted((table.lower(), table) for table in tables if table.lower() in source.rules.files)


def _keep(written: Path, file: Path) -> None:
    """Put a new file into the place of an old one that says something else."""
    if file.is_file() and sha256_of(file) == sha256_of(written):
        written.unlink()
    else:
        written.replace(file)


@contextmanager
def _writing(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection that lays down tables in bounded memory, always in the same way."""
    with connect(threads=1, memory=_MEMORY, spill=folder.parent / "spill") as con:
        yield con


def _file_of(url: str) -> Path:
    from sqlalchemy import make_url

    return Path(make_url(expanded(url)).database or "")


def _of_duckdb(source: Source, folder: Path, file: Path) -> list[str]:
    """Lay down the tables of a DuckDB file, unless it is as it was."""
    import duckdb

    if not file.is_file():
        raise ConfigError(file, expected="a DuckDB file", got="no such file", todo=_TODO)
    stat = file.stat()
    stamp = json.dumps([str(file.resolve()), stat.st_size, stat.st_mtime_ns, source.options.get("schema"), code_digest((__package__ or "", None))])
    assert source.cache is not None  # noqa: S101 - see above
    if source.cache.is_file() and source.cache.read_text(encoding="utf-8") == stamp:
        return sorted(entry.stem for entry in folder.glob("*.parquet"))
    names = []
    try:
        with _writing(folder) as con:
            con.execute(f"ATTACH {literal(file)} AS foreign_cdm (READ_ONLY)")
            rows = con.execute(sql(f"{__package__}.queries", "duckdb_tables"), {"schema": source.options.get("schema")}).fetchall()
            schemas = {table: schema for schema, table in rows}
            for name, table in _wanted(source, list(schemas)):
                written = folder / f"{name}.new"
                write_parquet(con, f"FROM foreign_cdm.{quoted(schemas[table])}.{quoted(table)}", written)
                _keep(written, folder / f"{name}.parquet")
                names.append(name)
    except duckdb.Error as error:
        raise InputFileError(file, expected="a DuckDB file that can be read", got=in_words(error), todo="Close what writes to it.") from None
    source.cache.write_text(stamp, encoding="utf-8")
    return names


def _of_postgres(source: Source, folder: Path) -> list[str]:
    """Lay down the tables of a PostgreSQL database, all as they are at one moment."""
    names = []
    with connected(read_url(str(source.url))) as server, _writing(folder) as con:
        server.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        server.execute("SET LOCAL synchronize_seqscans = off")  # rows come in the order in which they came before
        found = {table: (schema, columns) for schema, table, columns in columns_of_cdm(server, source.options.get("schema"))}
        for name, table in _wanted(source, list(found)):
            schema, columns = found[table]
            copied, written = folder / f"{name}.copied", folder / f"{name}.new"
            try:
                copy_table(server, schema, table, copied)
                write_parquet(con, f"FROM {read_copied(copied, dict.fromkeys((column for column, _ in columns), 'VARCHAR'))}", written)
            finally:
                copied.unlink(missing_ok=True)
            _keep(written, folder / f"{name}.parquet")
            names.append(name)
    return names


def _of_any(source: Source, folder: Path) -> list[str]:
    """Lay down the tables of a database that SQLAlchemy reaches, batch by batch; nothing is written to the database."""
    import pyarrow.parquet as pq

    names = []
    with reading(str(source.url), f"plait.yaml: source '{source.name}'") as con:
        found = {table.name: table for table in tables_of_cdm(con, source.options.get("schema"))}
        for name, table in _wanted(source, list(found)):
            written = folder / f"{name}.new"
            with pq.ParquetWriter(written, texts(found[table]), compression="zstd") as writer:
                for batch in batches(con, found[table]):
                    writer.write_batch(batch)
            _keep(written, folder / f"{name}.parquet")
            names.append(name)
    return names
