"""A folder of raw files as a whole: each file read once, its columns, its keys, and which columns name keys of other files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

from plait.duck import literal, make_view, quoted, sql
from plait.errors import ConfigError, InputFileError
from plait.etl.profiling.columns import Column, look_up, prepare, profile_column
from plait.etl.profiling.layout import Layout, look_at
from plait.etl.sources.folder import FileRule, Source, SourceRules
from plait.etl.sources.inventory import InputFile, walk
from plait.etl.sources.raw import load_raw

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

    from plait.progress import Progress

MOST_RECORDS = 1_000_000
"""Records of a file that are looked at where nobody says otherwise."""

_MOST_PAIRS = 28
"""Pairs of columns that are tried as a key."""

_REFERENCE = 0.5
"""Share of a column's values that must be keys of another file, where its name says the same."""

_SAME_VALUES = 0.99
"""Share that must be where its name says nothing."""

_LEAST_VALUES = 10
_LONG_KEY = 6


@dataclass(frozen=True, slots=True)
class Reference:
    """That a column names the key of another file; `share` of its distinct values are there."""

    column: str
    file: str
    key: str
    share: float


@dataclass(slots=True)
class RawFile:
    """One logical file: one or several files of one header.

    Attributes:
        name: What `source.yaml` calls it.
        layouts: The files.
        pattern: What finds them, where the name does not.
        records: Records that were looked at.
        faulty: How many of them have too many fields, too few, or a NUL byte.
        is_whole: Whether that is all of them.
        columns: Its columns by name.
        keys: Columns, or pairs of columns, that are different in all its records.
        references: Columns that name keys of other files.
    """

    name: str
    layouts: tuple[Layout, ...]
    pattern: str | None = None
    records: int = 0
    faulty: int = 0
    is_whole: bool = True
    columns: dict[str, Column] = field(default_factory=dict)
    keys: list[tuple[str, ...]] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)

    @property
    def layout(self) -> Layout:
        """How its files are written."""
        return self.layouts[0]

    @property
    def key(self) -> str | None:
        """The column that is a key by itself, the first of those that there are."""
        return next((columns[0] for columns in self.keys if len(columns) == 1), None)


@dataclass(frozen=True, slots=True)
class Profile:
    """What stands in a folder: the files that can be read, and those that cannot, with why."""

    path: Path
    files: tuple[RawFile, ...]
    unread: tuple[Layout, ...]
    has_vocabulary: bool = False


def profile_folder(con: duckdb.DuckDBPyConnection, path: Path, spill: Path, *, most: int, progress: Progress, has_vocabulary: bool = False) -> Profile:
    """Profile all files below a folder, or one file.

    Args:
        con: A connection; with a vocabulary, its schema `vocabulary` has the views of one.
        path: The folder, or the file.
        spill: A folder for what does not fit into memory.
        most: Records of a file that are looked at.
        progress: Hears of files that were looked at.
        has_vocabulary: Whether codes are looked up.

    Raises:
        ConfigError: Nothing is there, or nothing that can be read.
    """
    if not path.exists():
        raise ConfigError(path, expected="a folder with raw files", got="no such file or folder", todo="Name the folder of a delivery.")
    progress("looking at files", 0)
    paths = sorted(walk(path)) if path.is_dir() else [path]
    layouts = [look_at(file, path) for file in paths]
    files = _logical(tuple(layout for layout in layouts if layout.problem is None))
    unread = [layout for layout in layouts if layout.problem is not None]
    prepare(con)
    read = []
    for file in files:
        progress("profiling", 0)
        try:
            _read(con, file, path, spill, most)
        except InputFileError as error:
            unread += [replace(layout, problem=f"it cannot be cut into records: {error.got}") for layout in file.layouts]
            continue
        progress("profiling", file.records)
        read.append(file)
    if not read:
        why = f"; the first, {unread[0].name}: {unread[0].problem}" if unread else ""
        raise ConfigError(path, expected="delimited text (.csv, .tsv, .txt, also .gz) or Parquet", got=f"nothing of the kind{why}", todo="Name another folder.")
    for file in read:
        _find_keys(con, file)
    for file in read:
        _find_references(con, file, read)
    if has_vocabulary:
        look_up(con, {(file.name, name): column for file in read for name, column in file.columns.items()})
    return Profile(path, tuple(read), tuple(sorted(unread, key=lambda layout: layout.name)), has_vocabulary)


def _logical(layouts: Sequence[Layout]) -> list[RawFile]:
    """Give the logical files: those whose names differ by a number alone, and whose header is one, are one."""
    groups: dict[tuple[str, tuple[str, ...]], list[Layout]] = {}
    for layout in layouts:
        groups.setdefault((_base(layout.stem), tuple(name.lower() for name in layout.header)), []).append(layout)
    bases = [base for base, _ in groups]
    files: list[RawFile] = []
    for (base, _), members in groups.items():
        name = _plain(base)
        if bases.count(base) == 1 and name == base:
            files.append(RawFile(name, tuple(members)))
            continue
        for layout in members:  # by their paths, since names would mix them up
            folder = layout.name.rpartition("/")[0]
            unique = _plain(f"{folder}_{layout.stem}".strip("_").lower())
            taken = sum(file.name == unique or file.name.startswith(f"{unique}_x") for file in files)
            files.append(RawFile(unique + ("_x" * taken), (layout,), pattern=_as_pattern(layout.name)))
    return sorted(files, key=lambda file: file.name)


def _base(stem: str) -> str:
    return re.sub(r"(?:[._-]\d+)+$", "", stem.lower()) or stem.lower()


def _plain(name: str) -> str:
    plain = re.sub(r"[^a-z0-9_]+", "_", name).strip("_")
    is_free = plain not in _TAKEN and not plain.startswith("profiled")
    return plain if plain and not plain[0].isdigit() and is_free else f"file_{plain}".strip("_")


_TAKEN = frozenset({"options", "crosswalk"})
"""Names of tables that stand beside a source's files while they are staged."""


def _as_pattern(name: str) -> str:
    return re.sub(r"([\[?*])", r"[\1]", name)


def _read(con: duckdb.DuckDBPyConnection, file: RawFile, root: Path, spill: Path, most: int) -> None:
    """Read the records of a file into a table of its name, and profile its columns."""
    layout = file.layout
    rule = FileRule(optional=tuple(name for name in layout.header if name), encoding=layout.encoding if layout.format == "csv" else None, quote=layout.quote)
    rules = SourceRules(kind="raw", description="raw files", files={file.name: rule})
    source = Source("raw", "raw", root, "raw", layout.encoding, layout.delimiter, rules, (), None, {}, "")
    parts, left = [], most
    for number, one in enumerate(file.layouts):
        part = f"raw {file.name} {number}"
        read = load_raw(con, _input(one, file.name), source, table=part, spill=spill, most=left)
        parts.append(part)
        left -= read
        file.is_whole = file.is_whole and left > 0
        file.records += read
        if left <= 0:
            break
    make_view(con, file.name, " UNION ALL BY NAME ".join(f"SELECT * FROM {quoted(part)}" for part in parts))
    counted = con.execute("SELECT count(*), count(DISTINCT _pointer.digest) FROM query_table($name) WHERE _fault IS NULL", {"name": file.name}).fetchone()
    sound, different = counted or (0, 0)
    file.faulty = file.records - sound
    for place, name in enumerate(layout.header, 1):
        column = name or f"_column_{place}"
        file.columns[column] = profile_column(con, file.name, column, sound, different)


def _input(layout: Layout, logical: str) -> InputFile:
    """Give a raw file as the reader of records takes it."""
    stat = layout.path.stat()
    return InputFile(
        "raw",
        logical,
        layout.name,
        layout.path,
        stat.st_size,
        stat.st_mtime_ns,
        "",
        "parquet" if layout.format == "parquet" else "csv",
        layout.encoding,
        layout.header,
        layout.delimiter,
        has_nul=layout.has_nul,
        quote=layout.quote,
        comment_lines=layout.comment_lines,
    )


def _find_keys(con: duckdb.DuckDBPyConnection, file: RawFile) -> None:
    """Find the columns that are keys; where there is none, the pairs of columns that are one together."""
    file.keys = [(name,) for name, column in file.columns.items() if column.is_unique and column.kind not in {"time", "decimal", "comma"}]
    if file.keys or not file.records:
        return
    filled = [name for name, column in file.columns.items() if column.filled == column.records and column.distinct > 1 and column.kind in {"integer", "text"}]
    filled.sort(key=lambda name: -file.columns[name].distinct)
    for pair in list(combinations(filled[:8], 2))[:_MOST_PAIRS]:
        if file.columns[pair[0]].distinct * file.columns[pair[1]].distinct < file.records:
            continue
        make_view(
            con,
            "profiled_pair",
            f"SELECT {quoted(pair[0])} AS one, {quoted(pair[1])} AS other, _pointer.digest AS digest FROM {quoted(file.name)} WHERE _fault IS NULL",
        )
        row = con.execute(sql("plait.etl.profiling", "pair_is_key")).fetchone()
        if row is not None and row[0]:
            file.keys.append(tuple(sorted(pair, key=list(file.columns).index)))
            return


def _find_references(con: duckdb.DuckDBPyConnection, file: RawFile, files: Sequence[RawFile]) -> None:
    """Find the columns whose values are keys of other files."""
    for name, column in file.columns.items():
        if not column.distinct or column.kind not in {"integer", "text"}:
            continue
        best: Reference | None = None
        for other in files:
            for key in (columns[0] for columns in other.keys if len(columns) == 1):
                if other is file or not _may_name(column, other.columns[key], other.name):
                    continue
                none = ", ".join(literal(word) for word in ("", *column.none_words))
                values = f"SELECT {quoted(name)} AS value FROM {quoted(file.name)} WHERE _fault IS NULL AND trim({quoted(name)}) NOT IN ({none})"
                make_view(con, "profiled", values)
                make_view(con, "profiled_key", f"SELECT {quoted(key)} AS value FROM {quoted(other.name)} WHERE _fault IS NULL")
                row = con.execute(sql("plait.etl.profiling", "share_of_keys")).fetchone()
                share = float(row[0]) if row else 0.0
                least = _REFERENCE if is_named_after(name, key, other.name) else _SAME_VALUES
                if share >= least and (best is None or share > best.share):
                    best = Reference(name, other.name, key, share)
        if best is not None:
            file.references.append(best)


def _may_name(column: Column, key: Column, file: str) -> bool:
    """Tell whether it is worth a look: the name says so, or the values are so long that they do not meet by chance."""
    if column.kind != key.kind or column.shortest > key.longest or column.longest < key.shortest:
        return False
    if is_named_after(column.name, key.name, file):
        return True
    return column.kind == "text" and column.distinct >= _LEAST_VALUES and column.shortest >= _LONG_KEY


def is_named_after(name: str, key: str, file: str) -> bool:
    """Tell whether a column's name says that it is the key of a file (`patient`, `patient_id`, `PATIENT` of patients.Id)."""
    mine, theirs, of = snake(name), snake(key), snake(file).removesuffix("s")
    if mine == theirs:
        return mine not in {"id", "key", "code", "name", "uid"}
    return mine in {of, f"{of}_{theirs}", f"{of}_id", f"{of}id", f"{of}_key", f"{of}_number"}


def snake(name: str) -> str:
    """Give a name in small letters, its words joined by `_`.

    >>> snake("PatientID"), snake("birthDate"), snake("LAB NO.")
    ('patient_id', 'birth_date', 'lab_no')
    """
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    words = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", words)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
