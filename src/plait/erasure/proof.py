"""The proof of an erasure: every file of a study is looked through for the persons, by their numbers, their rows and all of their identifiers.

Tables are decoded, of whatever kind they are; what is no table is looked through as text. What is found is told by its place, never by itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.duck import literal, parquet, quoted
from plait.etl.commit import newest_version
from plait.etl.digest import is_row_id
from plait.etl.harmonize.reference import fact_domain
from plait.etl.harmonize.row_ids import ROWS_PER_PERSON
from plait.etl.tombstones import PENDING_FILE, SYSTEM, TOMBSTONES_FILE
from plait.schema import TableSpec, cdm_tables, plait_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import duckdb

    from plait.erasure.names import Telling
    from plait.erasure.whom import Whom

_PERSON_COLUMNS = frozenset({"person_id", "subject_id"})
_IDENTIFIER_COLUMNS = frozenset({"person", "identifier", "person_source_value"})
_ROW_COLUMNS = frozenset({"row_id", "from_row_id", "fact_id_1", "fact_id_2"})
"""Columns that hold ids of rows of any table, or of persons."""

_PERSON_KEYS = frozenset({"person_id", "subject_id", "persons", "parts"})
"""Keys of JSON below which numbers are persons."""

_OURS = ("warehouse", "omics", "features", "snapshots", "reports", "logs", "private")
"""Folders of a study that no source is."""

_LARGEST_TEXT = 64 << 20
"""Bytes of a file that is no table which are looked through at a time."""


@dataclass(frozen=True, slots=True)
class Left:
    """Something of a forgotten person that is left, by its place.

    Attributes:
        place: A file below the study, with a column where it is a table.
        kind: What it is.
        count: How many values.
    """

    place: str
    kind: str
    count: int


@dataclass(slots=True)
class Proof:
    """What was looked through, and what was found.

    Attributes:
        files: Files that were looked through.
        left: What is left of the persons.
        excluded: Places that are not the study's to change, and were not looked through.
    """

    files: int = 0
    left: list[Left] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)


def prove(con: duckdb.DuckDBPyConnection, study: Path, whom: Whom, telling: Telling, outside: Iterable[Path], progress: Callable[[str, int], None]) -> Proof:
    """Look through a study for some persons.

    Args:
        con: A connection with the tables that `Whom.tables` makes.
        study: The study's folder.
        whom: The persons.
        telling: What they are called that tells of them wherever it stands.
        outside: Files and folders of sources, which are not the study's to change.
        progress: Hears of files.
    """
    newest = newest_version(study)
    look = _Look(con, whom, telling, [_as_listed(entry) for entry in newest.inventory] if newest is not None else [])
    ours = {study, *(study / name for name in _OURS)}
    apart = sorted({path.resolve() for path in outside if path.resolve().is_relative_to(study)} - ours)
    found = Proof(excluded=[str(path.relative_to(study)) for path in apart])
    for path in sorted(study.rglob("*")):
        if not path.is_file() or path.is_symlink() or any(path.is_relative_to(one) for one in apart) or _is_apart(path, study):
            continue
        name = path.relative_to(study).as_posix()
        found.left += look.at(path, name)
        found.files += 1
        progress("looking through files", 1)
    return found


def _is_apart(path: Path, study: Path) -> bool:
    """Tell whether a file holds nothing of a person by what it is: the vocabulary, the tombstones, and whom this very forgetting is about."""
    inside = path.relative_to(study)
    return inside.parts[:2] == ("warehouse", "vocabulary") or (inside.parts[0] == "private" and path.name in {PENDING_FILE, TOMBSTONES_FILE})


class _Look:
    """Looks for persons in files."""

    def __init__(self, con: duckdb.DuckDBPyConnection, whom: Whom, telling: Telling, delivered: list[str]) -> None:
        self.con, self.whom, self.telling, self.delivered = con, whom, telling, frozenset(delivered)
        self.numbers = np.asarray(whom.numbers, np.int64)
        self.specs = {"cdm": cdm_tables(), "books": plait_tables()}

    def at(self, path: Path, name: str) -> Iterator[Left]:
        """Yield what is found in a file, and in its name."""
        count = self.telling.count(name.encode())
        if count:
            yield Left(name, "an identifier in the name of a file", count)
        if path.suffix == ".parquet" or name.endswith(".parquet.tmp"):
            yield from self._in_parquet(path, name)
        elif path.suffix == ".h5ad":
            yield from self._in_h5ad(path, name)
        elif path.suffix == ".npy":
            yield from self._in_array(path, name)
        else:
            yield from self._in_text(path, name)

    def _in_text(self, path: Path, name: str) -> Iterator[Left]:
        """Yield what is found in a file that is no table; of JSON, the numbers of persons, too."""
        count, before = 0, b""
        with path.open("rb") as file:
            while block := file.read(_LARGEST_TEXT):
                count += self.telling.count(before[-256:] + block)
                before = block
        if path.name.endswith(".json") and path.parent.name == "versions":
            count -= self._names_of_sources(path)
        if count > 0:
            yield Left(name, "an identifier", count)
        if path.suffix == ".json":
            try:
                found = sum(number in self.whom.numbers for number in _numbers(json.loads(path.read_text(encoding="utf-8")), under=False))
            except ValueError:
                return
            if found:
                yield Left(name, "the number of a person", found)

    def _names_of_sources(self, path: Path) -> int:
        """Give how often identifiers stand in the names of source files, which versions list for as long as they are delivered so."""
        listed = map(_as_listed, json.loads(path.read_text(encoding="utf-8")).get("inventory", []))
        return sum(self.telling.count(one.encode()) for one in listed if one in self.delivered)

    def _in_array(self, path: Path, name: str) -> Iterator[Left]:
        """Yield what is found in an array that is called as if it held persons; the arrays of features hold none."""
        if "person" in path.stem or "subject" in path.stem:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            found = int(np.isin(array, self.numbers).sum())
            if found:
                yield Left(name, "the number of a person", found)

    def _in_h5ad(self, path: Path, name: str) -> Iterator[Left]:
        """Yield what is found in the items, the features and the words of a file of AnnData."""
        from anndata.io import read_elem

        from plait.etl.sources.matrix import open_h5

        with open_h5(path, "r") as file:
            for part in ("obs", "var", "uns"):
                if part not in file:
                    continue
                held = read_elem(file[part])
                if hasattr(held, "columns"):
                    if "person_id" in held.columns:
                        found = int(np.isin(held["person_id"].to_numpy(dtype="int64", na_value=-1), self.numbers).sum())
                        if found:
                            yield Left(f"{name}, {part}.person_id", "the number of a person", found)
                    texts = [*map(str, held.index), *(str(one) for column in held.columns for one in held[column].unique())]
                else:
                    texts = [repr(held)]
                count = sum(self.telling.count(text.encode()) for text in texts)
                if count:
                    yield Left(f"{name}, {part}", "an identifier", count)

    def _in_parquet(self, path: Path, name: str) -> Iterator[Left]:
        """Yield what is found in the columns of a table."""
        kinds = {column: kind for column, kind, *_ in self.con.execute(f"DESCRIBE FROM {parquet(path)}").fetchall()}
        asked = dict(self._asked(path, kinds))
        if not asked:
            return
        counts = ", ".join(f"count(*) FILTER ({condition})" for condition in asked.values())
        kept = f"WHERE system != {literal(SYSTEM)}" if path.parent.name == "private" and "system" in kinds else ""
        row = self.con.execute(f"SELECT {counts} FROM {parquet(path)} AS t {kept}").fetchone() or ()
        for (column, kind), count in zip(asked, row, strict=True):
            if count:
                yield Left(f"{name}, column {column}", kind, int(count))

    def _asked(self, path: Path, kinds: dict[str, str]) -> Iterator[tuple[tuple[str, str], str]]:
        """Yield, of each column, what is looked for and the condition that finds it."""
        spec = self._spec(path)
        for column, kind in kinds.items():
            value = quoted(column)
            if kind in {"BIGINT", "INTEGER"}:
                if column in _PERSON_COLUMNS:
                    yield (column, "the number of a person"), f"{value} IN (SELECT e.person_id FROM erased_person AS e)"
                elif spec is not None and (column in _ROW_COLUMNS or is_row_id(spec, column)):
                    yield (column, "the id of a row of a person"), self._of_rows(spec, column, kinds)
            elif kind != "UUID" and ("VARCHAR" in kind or kind == "JSON"):
                if column in _IDENTIFIER_COLUMNS and kind == "VARCHAR":
                    system = "i.system = t.system AND " if "system" in kinds else ""
                    yield (column, "an identifier of a person"), f"EXISTS (SELECT 1 FROM erased_identifier AS i WHERE {system}i.identifier = t.{value})"
                for pattern in self.telling.sql_patterns:
                    yield (column, "an identifier"), f"regexp_matches(CAST({value} AS VARCHAR), {literal(pattern)})"

    @staticmethod
    def _of_rows(spec: TableSpec, column: str, kinds: dict[str, str]) -> str:
        """Give the condition for the ids of rows of the persons; of a book that patients share, its rows have other ids."""
        theirs = "IN (SELECT e.person_id FROM erased_person AS e)"
        own = "person_id IS NOT NULL AND " if spec.schema != "cdm" and "person_id" in kinds else ""
        of_row = f"({own}{quoted(column)} // {ROWS_PER_PERSON} {theirs})"
        if column.startswith("fact_id_"):
            return f"{of_row} OR (domain_concept_id_{column[-1]} = {fact_domain('person')} AND {quoted(column)} {theirs})"
        return f"{of_row} OR (table_name = 'person' AND row_id {theirs})" if column == "row_id" and "table_name" in kinds else of_row

    def _spec(self, path: Path) -> TableSpec | None:
        """Give the table that a file is of, None where it is of none."""
        return self.specs.get(path.parent.parent.name, {}).get(path.parent.name)


def _as_listed(entry: Mapping[str, Any]) -> str:
    """Give what a version lists of a source file that may name somebody."""
    return json.dumps({key: entry[key] for key in ("name", "path")})


def _numbers(content: Any, *, under: bool) -> Iterator[int]:  # noqa: ANN401 - what JSON holds
    """Yield the numbers of JSON that are persons by the keys above them; what stands alone there, but for an id, is how many they are."""
    if isinstance(content, dict):
        for key, value in content.items():
            if isinstance(value, int):
                yield from (value,) if key in _PERSON_COLUMNS else ()
            else:
                yield from _numbers(value, under=under or key in _PERSON_KEYS)
    elif isinstance(content, list):
        for value in content:
            yield from _numbers(value, under=under)
    elif under and isinstance(content, int) and not isinstance(content, bool):
        yield content


def files_of_sources(settings: Any, study: Path) -> list[Path]:  # noqa: ANN401 - the study's settings
    """Give the files and folders that a study reads and that are not its own to change."""
    named = [source.path for source in settings.sources if source.path is not None]
    named += [
        Path(value) if Path(value).is_absolute() else study / value
        for source in settings.sources
        for value in source.options.values()
        if _is_file(study, value)
    ]
    more = (settings.vocabulary, settings.identity, settings.consent, settings.genes, *settings.mappings)
    return [Path(path) for path in (*named, *more) if path is not None]


def _is_file(study: Path, value: object) -> bool:
    """Tell whether an option names a file."""
    return isinstance(value, str | Path) and len(str(value)) < 1024 and (study / str(value)).exists() and (study / str(value)).resolve() != study.resolve()  # noqa: PLR2004 - longer names no file system has
