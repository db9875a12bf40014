"""A loaded release: what is in it, what is absent and what that means; and its tables as views."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from plait.duck import parquet, quoted
from plait.errors import VocabularyError
from plait.schema import VOCABULARY_TABLES, cdm_tables, empty_select

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

RELEASE_FILE = "release.json"
"""Name of the file in a release's folder that says what the folder holds."""


_CHOSEN_FILE = "chosen"
"""Name of the file beside the releases that says which of them the study uses."""


class VocabularyCount(NamedTuple):
    """A vocabulary of a release: its id, its version (None if the release does not say) and the number of its concepts."""

    vocabulary_id: str
    version: str | None
    concepts: int


class Source(NamedTuple):
    """A file that a release was made of: its table and name, its size in bytes, its time of modification in ns and the SHA-256 of its bytes."""

    table: str
    name: str
    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Release:
    """A vocabulary release as plait loaded it.

    Attributes:
        folder: Folder with one Parquet file per table.
        digest: SHA-256 over the contents that it was made of; the same files always give the same.
        release: What the release calls itself, `v5.0 27-AUG-25`; None if it does not say.
        rows: Number of rows by table, for the tables that are there.
        vocabularies: The vocabularies that have concepts, by id.
        missing: Tables that the download did not hold.
        warnings: Sentences that say what is absent or odd, and what follows from it.
        added_concept_zero: Whether "No matching concept" was absent and was added.
        unused: Names of files in the download that plait does not use.
        sources: The files that it was made of.
    """

    folder: Path
    digest: str
    release: str | None
    rows: dict[str, int]
    vocabularies: tuple[VocabularyCount, ...]
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    added_concept_zero: bool
    unused: tuple[str, ...]
    sources: tuple[Source, ...]

    def to_json(self) -> str:
        """Give everything but the folder, which may be moved, as JSON."""
        content = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "folder"}
        content["vocabularies"] = [vocabulary._asdict() for vocabulary in self.vocabularies]
        content["sources"] = [source._asdict() for source in self.sources]
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_release(folder: Path) -> Release:
    """Give the release that `load_vocabulary` put into `folder`.

    Raises:
        VocabularyError: The folder holds no loaded release.
    """
    path = folder / RELEASE_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Release(
            folder=folder,
            digest=content["digest"],
            release=content["release"],
            rows=content["rows"],
            vocabularies=tuple(VocabularyCount(**vocabulary) for vocabulary in content["vocabularies"]),
            missing=tuple(content["missing"]),
            warnings=tuple(content["warnings"]),
            added_concept_zero=content["added_concept_zero"],
            unused=tuple(content["unused"]),
            sources=tuple(Source(**source) for source in content["sources"]),
        )
    except OSError as error:
        got = error.strerror or "an error"
        raise VocabularyError(path, expected="a loaded release", got=got, todo="Run `plait vocabulary load ATHENA`.") from error
    except (ValueError, KeyError, TypeError) as error:
        got = f"{type(error).__name__}: {error}"
        raise VocabularyError(path, expected="a release as plait wrote it", got=got, todo="Delete the folder and load again.") from error


def register(con: duckdb.DuckDBPyConnection, release: Release, schema: str = "vocabulary") -> None:
    """Make a schema of views over a release, one per vocabulary table of the CDM; a table that is absent is a view without rows.

    Args:
        con: Gets the views.
        release: The release to show.
        schema: Name of the schema; views of these names in it are replaced.
    """
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    for table in VOCABULARY_TABLES:
        con.execute(f"CREATE OR REPLACE VIEW {quoted(schema)}.{quoted(table)} AS {table_select(release.folder, table)}")


def table_select(folder: Path, table: str) -> str:
    """Give the SELECT over a table's Parquet file in `folder`; it yields no row where there is no such file."""
    path = (folder / f"{table}.parquet").resolve()
    return f"SELECT * FROM {parquet(path)}" if path.exists() else empty_select(cdm_tables()[table])


def choose_release(release: Release) -> None:
    """Say that a study uses this one of its loaded releases."""
    if chosen_release(release.folder.parent) == release.folder:
        return
    partial = release.folder.parent / f"{_CHOSEN_FILE}.tmp"
    partial.write_text(release.folder.name, encoding="utf-8")
    partial.replace(release.folder.parent / _CHOSEN_FILE)


def chosen_release(loaded: Path) -> Path | None:
    """Give the folder of the release that was chosen in the folder of loaded ones, None where none is there."""
    chosen = loaded / _CHOSEN_FILE
    folder = loaded / chosen.read_text(encoding="utf-8") if chosen.is_file() else None
    return folder if folder is not None and (folder / RELEASE_FILE).is_file() else None
