"""The files of an Athena download: which there are, how each is written, and whether it has the columns that plait needs."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Literal, cast

from plait.duck import one_file, sql
from plait.errors import VocabularyError
from plait.schema import VOCABULARY_TABLES, cdm_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

DateStyle = Literal["compact", "iso", "text", "day-first", "month-first"]
"""How a file writes its dates.

`compact` is Athena's YYYYMMDD and `iso` YYYY-MM-DD; both are typed by the reader. `text` is any mixture of them and of a spreadsheet's day
numbers; `day-first` and `month-first` are such mixtures with DD/MM/YYYY or MM/DD/YYYY among them.
"""

NEEDED = {
    "concept": cdm_tables()["concept"].columns,
    "vocabulary": ("vocabulary_id", "vocabulary_version"),
    "domain": ("domain_id",),
    "concept_class": ("concept_class_id",),
    "concept_relationship": cdm_tables()["concept_relationship"].columns,
    "relationship": ("relationship_id",),
    "concept_synonym": ("concept_id", "concept_synonym_name"),
    "concept_ancestor": cdm_tables()["concept_ancestor"].columns,
    "source_to_concept_map": ("source_code", "source_vocabulary_id", "target_concept_id", "target_vocabulary_id", "invalid_reason"),
    "drug_strength": ("drug_concept_id", "ingredient_concept_id"),
}
"""The columns without which a table is of no use; any other column of the CDM may be absent and is null then."""

UNREADABLE = (OSError, EOFError, zlib.error)
"""What Python raises on a file that cannot be opened or unpacked."""

_REQUIRED_TABLES = ("concept", "concept_relationship")
_NAMES = {f"{table}{ending}": table for table in VOCABULARY_TABLES for ending in (".csv", ".csv.gz", ".parquet")}
_COMPACT, _ISO = re.compile(r"\d{8}"), re.compile(r"\d{4}-\d{2}-\d{2}")
_UNZIP = "Unzip the download from https://athena.ohdsi.org and name its folder."
_AGAIN = "Download the vocabulary again from https://athena.ohdsi.org."


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a download.

    Attributes:
        table: The table it holds.
        path: Where it is.
        size: Its size in bytes.
        mtime_ns: Its time of modification in ns.
        delimiter: What separates its columns; empty for Parquet.
        quote: What encloses its fields; empty where quotes are ordinary characters, as Athena writes them.
        columns: Its own columns in its own order, in lower case.
        dates: How it writes dates.
    """

    table: str
    path: Path
    size: int
    mtime_ns: int
    delimiter: str
    quote: str
    columns: tuple[str, ...]
    dates: DateStyle

    @property
    def is_parquet(self) -> bool:
        """Whether the file is Parquet and not text."""
        return not self.delimiter

    @property
    def is_gzip(self) -> bool:
        """Whether the file is packed text."""
        return self.path.name.lower().endswith(".gz")

    @property
    def absent_columns(self) -> tuple[str, ...]:
        """The columns of the table that the file lacks."""
        return tuple(name for name in cdm_tables()[self.table].columns if name not in self.columns)


def open_bytes(path: Path) -> IO[bytes]:
    """Open a text file for its bytes, unpacked if it is packed."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.name.lower().endswith(".gz") else path.open("rb")


def find_files(con: duckdb.DuckDBPyConnection, source: Path) -> tuple[dict[str, SourceFile], tuple[str, ...]]:
    """Give the files of a download by table, and the names of those that plait does not use.

    Args:
        con: Reads the columns of Parquet files.
        source: The download's folder.

    Raises:
        VocabularyError: There is no such folder, a file is there twice, empty or unreadable, or one that is needed is missing, or lacks a column.
    """
    paths, unused = find_paths(source)
    for table in _REQUIRED_TABLES:
        if table not in paths:
            raise VocabularyError(source, expected=f"{table.upper()}.csv", got="no such file", todo=_UNZIP)
    files = {table: _describe(con, table, paths[table]) for table in VOCABULARY_TABLES if table in paths}
    for file in files.values():
        for column in NEEDED[file.table]:
            if column not in file.columns:
                raise VocabularyError(
                    file.path, expected=f"a column {column}", got=f"the columns {', '.join(file.columns)}", todo="Check the header line. " + _AGAIN
                )
    return files, unused


def find_paths(source: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Give the paths of a download's files by table, and the names of those that plait does not use; none is opened.

    Raises:
        VocabularyError: There is no such folder, or a file is there twice.
    """
    paths: dict[str, Path] = {}
    unused: list[str] = []
    try:
        found = sorted(path for path in source.iterdir() if path.is_file())
    except FileNotFoundError as error:
        raise VocabularyError(source, expected="a folder", got="nothing", todo=_UNZIP) from error
    except NotADirectoryError as error:
        raise VocabularyError(source, expected="a folder", got="a file", todo=_UNZIP) from error
    except OSError as error:
        raise VocabularyError(source, expected="a readable folder", got=error.strerror or "an error", todo="Check its permissions.") from error
    for path in found:
        table = _NAMES.get(path.name.lower())
        if table is None:
            unused.append(path.name)
        elif table in paths:
            raise VocabularyError(source, expected=f"one file for {table.upper()}", got=f"{paths[table].name} and {path.name}", todo="Remove one of them.")
        else:
            paths[table] = path
    return paths, tuple(unused)


def _describe(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> SourceFile:
    stat = path.stat()
    if path.suffix.lower() == ".parquet":
        return SourceFile(table, path, stat.st_size, stat.st_mtime_ns, "", "", _parquet_columns(con, path), "text")
    header, first = _first_lines(path)
    delimiter = "\t" if "\t" in header else ","
    # Athena quotes nothing, and its names hold bare quotes; comma-separated files and those with a quoted header are quoted throughout.
    quote = '"' if delimiter == "," or header.startswith('"') else ""
    columns = tuple(name.strip().lower() for name in _split(header, delimiter, quote))
    if len(set(columns)) < len(columns):
        raise VocabularyError(path, expected="each column once", got=f"the columns {', '.join(columns)}", todo="Check the header line. " + _AGAIN)
    values = dict(zip(columns, _split(first, delimiter, quote), strict=False))
    return SourceFile(table, path, stat.st_size, stat.st_mtime_ns, delimiter, quote, columns, _date_style(table, values))


def _first_lines(path: Path) -> tuple[str, str]:
    try:
        with open_bytes(path) as file:
            lines = [line.decode("utf-8-sig").rstrip("\r\n") for line in _head(file)]
    except UnicodeDecodeError as error:
        raise VocabularyError(path, expected="text in UTF-8", got="other bytes in its first lines", todo=_AGAIN) from error
    except UNREADABLE as error:
        raise VocabularyError(path, expected="a readable file", got=str(error), todo="Check its permissions. " + _AGAIN) from error
    if not lines or not lines[0].strip():
        raise VocabularyError(path, expected="a header line", got="an empty file", todo=_AGAIN)
    return lines[0], lines[1] if len(lines) > 1 else ""


def _head(file: IO[bytes]) -> Iterator[bytes]:
    longest = 1 << 20  # a file without line ends is not read into memory
    for _ in range(2):
        if line := file.readline(longest):
            yield line


def _split(line: str, delimiter: str, quote: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE), [])


def _date_style(table: str, values: dict[str, str]) -> DateStyle:
    dates = [values.get(field.name, "") for field in cdm_tables()[table].fields if field.base_type == "date"]
    if all(_COMPACT.fullmatch(date) or not date for date in dates):
        return "compact"
    return "iso" if all(_ISO.fullmatch(date) or not date for date in dates) else "text"


def _parquet_columns(con: duckdb.DuckDBPyConnection, path: Path) -> tuple[str, ...]:
    import duckdb

    try:
        described = con.execute(sql(__package__, "parquet_columns"), {"path": one_file(path)}).fetchall()
    except duckdb.Error as error:
        raise VocabularyError(path, expected="a Parquet file", got=str(error).partition("\n")[0], todo=_AGAIN) from error
    return tuple(str(row[0]).lower() for row in described)
