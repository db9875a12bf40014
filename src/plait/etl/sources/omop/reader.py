"""Which file of a folder is which table of a CDM, and the tables of a database as files."""

from __future__ import annotations

import gzip
import re
from itertools import groupby
from typing import TYPE_CHECKING

from plait.errors import ConfigError, InputFileError
from plait.etl.sources.omop.database import tables_of_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from plait.etl.sources.folder import Source
    from plait.etl.sources.inventory import InputFile

_TABLE_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz", ".parquet")
_DATABASE_SUFFIXES = (".duckdb", ".db", ".ddb")
CATALOG = "warehouse/study.duckdb"
"""Where a study of plait has the views of its newest version."""

_TODO = "Name a folder with one file a table (person.parquet, or person.csv), a DuckDB file with a table person, or the URL of a database."

_CHOICES = {"version": ("5.3", "5.4"), "derived": ("declared", "rebuilt"), "remap": ("true", "false")}
"""Options that have few values."""

_RENAMED = {
    "admitting_source_concept_id": "admitted_from_concept_id",
    "admitting_source_value": "admitted_from_source_value",
    "discharge_to_concept_id": "discharged_to_concept_id",
    "discharge_to_source_value": "discharged_to_source_value",
    "visit_detail_parent_id": "parent_visit_detail_id",
}
"""Fields of VISIT_OCCURRENCE and VISIT_DETAIL in CDM 5.3 → their names in 5.4 (OHDSI, "CDM v5.4 changes from v5.3")."""

_NEW = frozenset({"procedure_end_date", "procedure_end_datetime", "production_id", "measurement_event_id", "observation_event_id", "note_event_id", "latitude"})
"""Fields that CDM 5.4 has and 5.3 has not."""


def find_files(source: Source, paths: Sequence[Path]) -> list[tuple[str | None, Path]]:
    """Give (table, path) for each file that holds a table of the CDM, or a part of one, and (None, path) for every other.

    A file is called as its table, in letters of any size, with a number behind it if there are several (`measurement_2.csv`) or one
    before it (`2b_concept.csv`); or it stands in a folder that is called so.

    Raises:
        ConfigError: No CDM is there.
        InputFileError: A table is there twice, in two formats; fields of CDM 5.3 and of 5.4 are mixed.
    """
    _check_options(source)
    file = next((path for path in (source.path, source.path / CATALOG) if path.is_file() and path.suffix.lower() in _DATABASE_SUFFIXES), None)
    if source.url is not None or file is not None:
        found = tables_of_database(source, file)
        _check_version(source, [(str(table), path) for table, path in found])
        return found
    if source.path.is_file():
        raise ConfigError(source.path, expected="a CDM", got="one file that is no database", todo=_TODO)
    found = [(_table_of(source, path), path) for path in paths]
    if not any(table in {"person", "observation_period", "visit_occurrence", "condition_occurrence"} for table, _ in found):
        raise ConfigError(source.path, expected="a CDM", got="nothing that looks like one", todo=_TODO)
    _check_formats(source, [(table, path) for table, path in found if table is not None])
    _check_version(source, [(table, path) for table, path in found if table is not None])
    return found


def header(source: Source, logical: str, path: Path) -> tuple[str, ...]:
    """Tell nothing: a file of a CDM is a table, which has its header."""
    raise NotImplementedError(f"{source.kind}, {logical}, {path}")


def records(source: Source, file: InputFile) -> Iterator[pa.RecordBatch]:
    """Give nothing: a file of a CDM is a table, which is read as it is."""
    raise NotImplementedError(f"{source.kind}, {file.name}")


def _check_options(source: Source) -> None:
    """Fail where an option has a value that it cannot have."""
    for option, allowed in _CHOICES.items():
        value = source.options.get(option)
        if value is not None and str(value).lower() not in allowed:
            raise ConfigError(
                f"plait.yaml: source '{source.name}', {option}", expected=" or ".join(allowed), got=f"'{value}'", todo="See docs, A CDM as a source."
            )


def _table_of(source: Source, path: Path) -> str | None:
    """Give the table that a file holds, None if none."""
    name = path.name.lower()
    suffix = next((suffix for suffix in _TABLE_SUFFIXES if name.endswith(suffix)), None)
    if suffix is None:
        return None
    stem = re.sub(r"[._-]\d+$", "", re.sub(r"^\d+[a-z]?_", "", name.removesuffix(suffix)))
    if stem in source.rules.files:
        return stem
    parent = path.parent.name.lower()
    return parent if path.parent != source.path and parent in source.rules.files else None


def _check_formats(source: Source, found: list[tuple[str, Path]]) -> None:
    """Fail where a table is there in two formats: one is most likely a copy of the other."""
    for table, files in groupby(sorted(found), key=lambda item: item[0]):
        formats = {path.name.lower().removesuffix(".gz").rpartition(".")[2] for _, path in files}
        if len(formats) > 1:
            raise InputFileError(
                source.path,
                expected=f"the table {table} in one format",
                got=" and ".join(sorted(formats)),
                todo="Remove the copy, or move it out of the folder.",
            )


def _check_version(source: Source, found: list[tuple[str, Path]]) -> None:
    """Fail where some fields are those of CDM 5.3 alone and some those of 5.4, unless the version is told."""
    if source.options.get("version") is not None:
        return
    old, new = [], []
    for table, path in found:
        if source.rules.files[table].unread is None:
            names = _names(path, source.encoding)
            old += [f"{table}.{name}" for name in sorted(names & _RENAMED.keys())]
            new += [f"{table}.{name}" for name in sorted(names & (_NEW | set(_RENAMED.values())))] + ([table] if table == "episode" else [])
    if old and new:
        raise InputFileError(
            source.path,
            expected="tables of one version of the CDM",
            got=f"fields of 5.3 ({_some(old)}) and of 5.4 ({_some(new)})",
            todo=f"Deliver tables of one version, or say which one is meant: 'version: 5.4' under source '{source.name}'; fields of both are then read.",
        )


def _some(names: list[str]) -> str:
    """Give the first of some names."""
    few = 3
    return ", ".join(names[:few]) + (", …" if len(names) > few else "")


def _names(path: Path, encoding: str) -> set[str]:
    """Give the columns of a file in lower case, as far as its first line tells; what is wrong with it, whoever reads it will say."""
    if path.suffix.lower() == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return {name.lower() for name in pq.read_schema(path).names}
        except (pa.ArrowInvalid, OSError):
            return set()
    try:
        with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as file:
            line = file.readline(1 << 20)
    except (OSError, EOFError):
        return set()
    return set(re.findall(r"\w+", line.decode(encoding, errors="replace").lower()))
