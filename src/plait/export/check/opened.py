"""A package as it lies there: its files and what its metadata say of them, whoever wrote it."""

from __future__ import annotations

import csv
import json
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from plait.duck import connect, literal, one_file, parquet
from plait.errors import ExportError
from plait.export.package import HASHES_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CROISSANT, CRATE, DATAPACKAGE = "croissant.json", "ro-crate-metadata.json", "datapackage.json"
DICTIONARY, CITATION, README, CHECKS = "dictionary.csv", "CITATION.cff", "README.md", "checks.json"
METADATA = (CROISSANT, CRATE, DATAPACKAGE)
TABLES = (".parquet", ".csv")


@dataclass(frozen=True, slots=True)
class Opened:
    """A package.

    Attributes:
        folder: Where its files are.
        files: All of them, by their path below it.
        croissant: What `croissant.json` says; None where it is not there or cannot be read.
        crate: The entities of `ro-crate-metadata.json`, by id.
        crate_ids: All ids in it, in order, with those that stand there twice.
        datapackage: What `datapackage.json` says.
        dictionary: The rows of `dictionary.csv`.
        hashes: What `SHA256SUMS` says, by file.
        unread: Metadata files that cannot be read, and why.
        columns: The columns of each table; why it cannot be read where it cannot.
    """

    folder: Path
    files: Mapping[str, Path]
    croissant: dict[str, Any] | None
    crate: dict[str, dict[str, Any]] | None
    crate_ids: tuple[str, ...]
    datapackage: dict[str, Any] | None
    dictionary: tuple[dict[str, str], ...]
    hashes: Mapping[str, str]
    unread: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, list[str] | str] = field(default_factory=dict)

    @property
    def metadata(self) -> tuple[str, ...]:
        """Names of the metadata files that can be read."""
        read = {CROISSANT: self.croissant, CRATE: self.crate, DATAPACKAGE: self.datapackage}
        return tuple(name for name, content in read.items() if content is not None)

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables, but for the dictionary."""
        return tuple(self.columns)

    def source(self, name: str) -> str:
        """Give a table as DuckDB reads it."""
        return source_of(self.files[name])

    def root(self) -> dict[str, Any]:
        """Give the entity of the crate that stands for the package."""
        crate = self.crate or {}
        named = crate.get(CRATE, {}).get("about", {})
        return crate.get(named.get("@id", "./") if isinstance(named, dict) else "./", {})


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Give a package, a folder or a zip file.

    Raises:
        ExportError: There is none, or it is neither.
    """
    if path.is_dir():
        yield _read(path)
    elif zipfile.is_zipfile(path):
        with TemporaryDirectory() as folder, zipfile.ZipFile(path) as packed:
            packed.extractall(folder)
            names = [one for one in Path(folder).iterdir() if not one.name.startswith("__MACOSX")]
            yield _read(names[0] if len(names) == 1 and names[0].is_dir() else Path(folder))
    else:
        raise ExportError(path, expected="a package: a folder or a zip file", got="none", todo="`plait export fair OUT` writes one.")


def _read(folder: Path) -> Opened:
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    unread: dict[str, str] = {}
    croissant, crate, datapackage = (read_json(files, name, unread) for name in METADATA)
    graph = [one for one in (crate or {}).get("@graph", []) if isinstance(one, dict)]
    dictionary: tuple[dict[str, str], ...] = ()
    if DICTIONARY in files:
        with files[DICTIONARY].open(encoding="utf-8", newline="") as stream:
            dictionary = tuple(csv.DictReader(stream))
    lines = files[HASHES_FILE].read_text(encoding="utf-8").splitlines() if HASHES_FILE in files else []
    hashes = {name.lstrip("*"): digest for digest, _, name in (line.partition("  ") for line in lines) if name}
    ids = tuple(str(one.get("@id")) for one in graph)
    entities = dict(zip(ids, graph, strict=True)) if crate else None
    return Opened(folder, files, croissant, entities, ids, datapackage, dictionary, hashes, unread, _columns(files))


def source_of(file: Path) -> str:
    """Give a file with a table as DuckDB reads it."""
    return parquet(file) if file.suffix == ".parquet" else f"read_csv({literal(one_file(file))}, hive_partitioning = false, header = true, all_varchar = true)"


def _columns(files: Mapping[str, Path]) -> dict[str, list[str] | str]:
    import duckdb

    found: dict[str, list[str] | str] = {}
    con = connect()
    try:
        for name in [name for name in files if PurePosixPath(name).suffix in TABLES and name != DICTIONARY]:
            try:
                found[name] = [row[0] for row in con.execute(f"DESCRIBE FROM {source_of(files[name])}").fetchall()]
            except duckdb.Error as error:
                found[name] = type(error).__name__
    finally:
        con.close()
    return found


def read_json(files: Mapping[str, Path], name: str, unread: dict[str, str]) -> dict[str, Any] | None:
    """Give what a JSON file says; None, and why in `unread`, where it cannot be read."""
    if name not in files:
        return None
    try:
        content = json.loads(files[name].read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        unread[name] = type(error).__name__
        return None
    if not isinstance(content, dict):
        unread[name] = "no JSON object"
        return None
    return content
