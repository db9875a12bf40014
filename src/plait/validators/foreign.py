"""A CDM that is no study's: a folder of Parquet or CSV files, a DuckDB file, or a database, as the schema `cdm` of a connection."""

from __future__ import annotations

import gzip
from contextlib import suppress
from glob import has_magic
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from plait.duck import connect, literal, one_file, parquet, quoted
from plait.errors import ConfigError, InputFileError, in_words
from plait.etl.sources.inventory import detected_layout
from plait.etl.sources.raw import csv_records
from plait.schema import cdm_tables
from plait.validators.suite import CDM_VERSIONS, checks_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

_TEXTS = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
_POSTGRES = ("postgresql", "postgres")
_TYPES = {
    **dict.fromkeys(("smallint", "integer", "bigint"), "BIGINT"),
    "whole": "HUGEINT",
    **dict.fromkeys(("real", "double precision", "numeric"), "DOUBLE"),
    "date": "DATE",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMPTZ",
}
"""DuckDB's types for PostgreSQL's; what is not here is text."""
_TODO = "Name a folder with one file a table (person.parquet, or person.csv), or a DuckDB file with a table person."


def open_cdm(path: Path | str, *, threads: int | None = None, memory: str | None = None, spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Give a connection with the CDM at a path as its schema `cdm`.

    Args:
        path: A folder with a file for each table, `person.parquet` or `person.csv`, or a folder of Parquet files for each; a DuckDB file;
            or the URL of a database as SQLAlchemy has it, from which the tables are copied.
        threads: Threads to use, all cores if None.
        memory: DuckDB's memory limit, half of the machine if None.
        spill: Folder below which what does not fit into memory goes.

    Raises:
        ConfigError: No CDM is there.
        InputFileError: A file cannot be read.
        PublishError: The database cannot be reached, or refuses.
    """
    import duckdb

    con = connect(threads=threads, memory=memory, spill=spill)
    con.execute("CREATE SCHEMA cdm")
    try:
        made = _of_url(con, str(path)) if "://" in str(path) else _of_files(con, Path(path))
    except duckdb.Error as error:
        raise InputFileError(path, expected="a CDM that can be read", got=in_words(error), todo=_TODO) from None
    if not made:
        place = "URL" if "://" in str(path) else path  # a URL may have a password in it
        raise ConfigError(place, expected="a CDM", got="nothing that looks like one", todo=_TODO)
    return con


def sqlalchemy_url(url: str) -> tuple[str, str]:
    """Give a PostgreSQL database as SQLAlchemy names it, password included, and the schema with its CDM.

    Raises:
        PublishError: The database cannot be reached, or refuses.
    """
    from plait.etl.postgres import columns_of_cdm, connected, read_url

    database = read_url(url)
    with connected(database) as server:
        found = columns_of_cdm(server)
    return database.sqlalchemy_url, found[0][0] if found else "cdm"


def name_of(path: Path | str) -> str:
    """Give where a CDM stands as it may be shown: a URL without its password."""
    if "://" not in str(path):
        return str(path)
    from sqlalchemy import make_url

    from plait.etl.postgres import read_url

    return read_url(str(path)).shown if is_postgres(path) else make_url(str(path)).render_as_string(hide_password=True)


def is_postgres(path: Path | str) -> bool:
    """Tell whether a place is the URL of a PostgreSQL database."""
    return "://" in str(path) and _dialect(str(path)) in _POSTGRES


def _dialect(url: str) -> str:
    return url.partition(":")[0].partition("+")[0]


def _of_files(con: duckdb.DuckDBPyConnection, path: Path) -> bool:
    return _of_folder(con, path) if path.is_dir() else _of_database(con, path)


def parquet_files(path: Path | str) -> dict[str, list[Path]]:
    """Give the Parquet files behind each table of a CDM that is a folder: one, or a folder of them; of any other CDM there are none.

    Nor are there of one in whose path are signs of a pattern: what the engine tells of its files would be of others, too.
    """
    found: dict[str, list[Path]] = {}
    if has_magic(str(path)):
        return found
    for entry in sorted(Path(path).iterdir()) if "://" not in str(path) and Path(path).is_dir() else ():
        name = entry.name.lower()
        if name.endswith(".parquet"):
            found[name.removesuffix(".parquet")] = [entry]
        elif entry.is_dir() and name in _known() and any(entry.glob("*.parquet")):
            found.setdefault(name, sorted(entry.glob("*.parquet")))
    return found


def _known() -> set[str]:
    """Give the tables that there are checks of."""
    return {check.table for version in CDM_VERSIONS for check in checks_of(version)}


def _of_folder(con: duckdb.DuckDBPyConnection, folder: Path) -> bool:
    """Make a view of each table's Parquet, and a table of its CSV, whose columns take the types that all their values have."""
    known, made = _known(), parquet_files(folder)
    for table, files in made.items():
        _make_view(con, table, parquet(*files), files[0] if len(files) == 1 else files[0].parent)
    texts: dict[str, Path] = {}
    for entry in sorted(folder.iterdir()):
        table = next((entry.name.lower().removesuffix(suffix) for suffix in _TEXTS if entry.name.lower().endswith(suffix)), "")
        if table in known - made.keys():
            texts.setdefault(table, entry)
    for table, file in texts.items():
        _make_table(con, table, file)
    return bool((made.keys() | texts.keys()) & known)


def _make_view(con: duckdb.DuckDBPyConnection, table: str, relation: str, where: Path) -> None:
    """Make a view of a table that stands elsewhere."""
    import duckdb

    try:
        con.execute(f"CREATE VIEW cdm.{quoted(table)} AS FROM {relation}")
    except duckdb.Error:
        raise InputFileError(
            where, expected=f"the table {table}", got="something that cannot be read as one", todo="Write it again, or take it away."
        ) from None
    _type_what_is_empty(con, table, "VIEW", relation)


def _make_table(con: duckdb.DuckDBPyConnection, table: str, file: Path) -> None:
    """Make a table of a text file."""
    import duckdb

    is_packed = file.name.lower().endswith(".gz")
    with gzip.open(file, "rb") if is_packed else file.open("rb") as lines:
        head = lines.read(1 << 20).decode("utf-8", errors="replace")
    delimiter, quote = detected_layout(head, ",")
    layout = f"delim = {literal(delimiter)}, quote = {literal(quote)}, compression = '{'gzip' if is_packed else 'none'}'"
    # Without the last two, DuckDB takes lines that do not fit those below them for a title, and leaves them out. Which number of 01/02/2020 is the month
    # it would guess.
    options = f"header = true, sample_size = -1, {layout}, dateformat = '%Y-%m-%d', skip = 0, comment = ''"
    try:
        con.execute(f"CREATE TABLE cdm.{quoted(table)} AS FROM read_csv({literal(one_file(file))}, hive_partitioning = false, {options})")
    except duckdb.Error:
        raise _unreadable(file, delimiter, quote) from None
    _read_dates(con, table)
    _type_what_is_empty(con, table, "TABLE", f"cdm.{quoted(table)}")


def _unreadable(file: Path, delimiter: str, quote: str) -> InputFileError:
    """Say why a text file is no table, and on which line it is none."""
    where, expected, got = str(file), "records with as many fields as the header", "something that cannot be cut into records"
    try:
        records = csv_records(file, "utf-8", delimiter, quote)
        _, header = next(records)
        where, got = next((f"{file}:{line}", f"{len(fields)} fields, not {len(header)}") for line, fields in records if len(fields) != len(header))
    except UnicodeDecodeError:
        expected, got = "text in UTF-8", "bytes that are none"
    except InputFileError as unclosed:
        where, expected, got = unclosed.where, unclosed.expected, unclosed.got
    except StopIteration:
        pass
    return InputFileError(where, expected=expected, got=got, todo="Write the file again, as UTF-8 with all quotes closed.")


_SORTS = {"date": ("DATE", "TIMESTAMP"), "datetime": ("DATE", "TIMESTAMP"), "integer": ("INT", "DECIMAL", "DOUBLE"), "float": ("INT", "DECIMAL", "DOUBLE")}
"""What DuckDB's types begin or end with that can stand for those of the specification."""


def _type_what_is_empty(con: duckdb.DuckDBPyConnection, table: str, kind: str, relation: str) -> None:
    """Give columns without any value the types that the CDM has for them: of these a file tells nothing, and a check needs dates where there could be dates."""
    spec = cdm_tables().get(table)
    declared = {field.name: field for field in spec.fields} if spec else {}
    described = con.execute(f"DESCRIBE cdm.{quoted(table)}").fetchall()
    fields = {column: (declared[column.lower()], found) for column, found, *_ in described if column.lower() in declared}
    odd = {column: field for column, (field, found) in fields.items() if not any(sort in found for sort in _SORTS.get(field.base_type, ("",)))}
    if not odd:
        return
    counts = con.execute(f"SELECT {', '.join(f'count({quoted(column)})' for column in odd)} FROM {relation}").fetchone() or ()
    empty = [f"CAST(NULL AS {odd[column].duckdb_type}) AS {quoted(column)}" for column, filled in zip(odd, counts, strict=True) if not filled]
    if empty:
        con.execute(f"CREATE OR REPLACE {kind} cdm.{quoted(table)} AS SELECT * REPLACE ({', '.join(empty)}) FROM {relation}")


def _read_dates(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make dates of the days that a text file writes as 20200131, in fields that are called so."""
    import duckdb

    for column, kind in con.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = 'cdm' AND table_name = $table", {"table": table}
    ).fetchall():
        if column.lower().endswith("_date") and kind == "BIGINT":
            with suppress(duckdb.ConversionException, duckdb.InvalidInputException):  # a number it stays, and its checks say so
                day = f"CAST(strptime(CAST({quoted(column)} AS VARCHAR), '%Y%m%d') AS DATE)"
                con.execute(f"ALTER TABLE cdm.{quoted(table)} ALTER {quoted(column)} TYPE DATE USING {day}")


def _of_database(con: duckdb.DuckDBPyConnection, file: Path) -> bool:
    """Make a view of each table of the schema of a DuckDB file that has a table `person`."""
    if not file.is_file():
        return False
    con.execute(f"ATTACH {literal(file)} AS foreign_cdm (READ_ONLY)")
    tables = con.execute("SELECT DISTINCT schema_name, table_name FROM duckdb_columns() WHERE database_name = 'foreign_cdm' ORDER BY ALL").fetchall()
    schemas = [schema for schema, table in tables if table.lower() == "person"]
    if not schemas:
        return False
    schema = "cdm" if "cdm" in schemas else schemas[0]
    for place, table in tables:
        if place == schema:
            _make_view(con, table.lower(), f"foreign_cdm.{quoted(schema)}.{quoted(table)}", file)
    return True


def _of_url(con: duckdb.DuckDBPyConnection, url: str) -> bool:
    """Copy each table of the schema of a database that has a table `person`."""
    if _dialect(url) == "duckdb":
        return _of_database(con, Path(url.partition(":///")[2]))
    return _of_postgres(con, url) if is_postgres(url) else _of_any(con, url)


def _of_postgres(con: duckdb.DuckDBPyConnection, url: str) -> bool:
    """Copy the tables of a PostgreSQL database, all as they are at one moment."""
    from plait.etl.postgres import columns_of_cdm, connected, copy_table, read_copied, read_url

    with TemporaryDirectory(prefix="plait-") as folder, connected(read_url(url)) as server:
        server.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = [table for table in columns_of_cdm(server) if table[1].lower() in _known()]
        for schema, table, columns in found:
            file = Path(folder) / "table.csv"
            copy_table(server, schema, table, file)
            types = {column: _TYPES.get(kind, "VARCHAR") for column, kind in columns}
            con.execute(f"CREATE TABLE cdm.{quoted(table.lower())} AS FROM {read_copied(file, types)}")
        return bool(found)


def _of_any(con: duckdb.DuckDBPyConnection, url: str) -> bool:
    """Copy the tables of a CDM in any database; a column whose values are not of its type stays text, as its checks will say."""
    import duckdb
    import pyarrow as pa

    from plait.etl.databases import batches, reading, tables_of_cdm, texts

    with reading(url, "--cdm") as database:
        found = [table for table in tables_of_cdm(database) if table.name.lower() in _known()]
        for table in found:
            place = f"cdm.{quoted(table.name.lower())}"
            con.register("batches", pa.RecordBatchReader.from_batches(texts(table), batches(database, table)))
            con.execute(f"CREATE TABLE {place} AS FROM batches")
            con.unregister("batches")
            for column, kind in table.columns:
                with suppress(duckdb.ConversionException):
                    con.execute(f"ALTER TABLE {place} ALTER {quoted(column)} TYPE {kind}")
        return bool(found)


def version_of(con: duckdb.DuckDBPyConnection, columns: Mapping[str, Mapping[str, str]]) -> tuple[str, list[str]]:
    """Give the version of the CDM, and what speaks against it: what CDM_SOURCE says, else the version whose own fields are there."""
    there = {(table, column) for table, names in columns.items() for column in names}
    own = {version: _fields_of_its_own(version) & there for version in CDM_VERSIONS}
    likely = max(CDM_VERSIONS, key=lambda version: (len(own[version]), version))
    said = _said(con, columns)
    version = said or likely
    strange = sorted(f"{table}.{field}" for other in CDM_VERSIONS if other != version for table, field in own[other])
    notes = []
    if strange:
        notes.append(f"checked as CDM {version}, but these fields are of another version: {', '.join(strange[:5])}{', …' if len(strange) > 5 else ''}")  # noqa: PLR2004
    return version, notes


def _fields_of_its_own(version: str) -> set[tuple[str, str]]:
    """Give the fields that a version has and no other one, of tables whose fields the checks of the other one name, or which it does not have."""
    others = [other for other in CDM_VERSIONS if other != version]
    fields = {one: {(check.table, check.field) for check in checks_of(one) if check.type.name == "cdmField" and check.suite == "dqd"} for one in CDM_VERSIONS}
    tables = {one: {check.table for check in checks_of(one) if check.type.name == "cdmTable"} for one in CDM_VERSIONS}
    silent = {other: tables[other] - {table for table, _ in fields[other]} for other in others}
    return {(table, field) for table, field in fields[version] if all((table, field) not in fields[other] and table not in silent[other] for other in others)}


def _said(con: duckdb.DuckDBPyConnection, columns: Mapping[str, Mapping[str, str]]) -> str | None:
    """Give the version that CDM_SOURCE names, None where it names none that there are checks for."""
    if "cdm_version" not in columns.get("cdm_source", {}):
        return None
    row = con.execute("SELECT CAST(cdm_version AS VARCHAR) FROM cdm.cdm_source WHERE cdm_version IS NOT NULL LIMIT 1").fetchone()
    text = str(row[0]).lower().removeprefix("cdm").strip().removeprefix("v").strip() if row else ""
    return next((version for version in CDM_VERSIONS if text == version or text.startswith(f"{version}.")), None)


def source_of(con: duckdb.DuckDBPyConnection, columns: Mapping[str, Mapping[str, str]]) -> dict[str, object]:
    """Give the first row of CDM_SOURCE, empty where there is none."""
    if "cdm_source" not in columns:
        return {}
    result = con.execute("SELECT * FROM cdm.cdm_source LIMIT 1")
    names = [column[0].lower() for column in result.description or []]
    row = result.fetchone()
    return dict(zip(names, row, strict=True)) if row else {}
