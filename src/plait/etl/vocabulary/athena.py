"""An Athena download into the study: read, checked and put in place at one stroke."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from plait.errors import VocabularyError
from plait.etl.vocabulary.download import SourceFile, find_files, find_paths
from plait.etl.vocabulary.parquet import write_concepts, write_table
from plait.etl.vocabulary.release import RELEASE_FILE, Release, Source, read_release
from plait.etl.vocabulary.soundness import OPTIONAL_TABLES, examine
from plait.hashing import sha256_of
from plait.schema import VOCABULARY_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    import duckdb

_LAYOUT = "plait vocabulary 1"
"""Enters the digest: a new layout of the Parquet files is a new folder even for the same download."""

_FOLDER_DIGITS = 16
_UNFINISHED = ".loading-"


def known_release(source: Path, target: Path) -> Release | None:
    """Give the release that was made of just these files, by their names, sizes and times; None where there is none.

    Args:
        source: Folder of a download, as `load_vocabulary` takes it.
        target: The study's `warehouse/vocabulary`.

    Raises:
        VocabularyError: There is no such folder, or a file is there twice.
    """
    stats = {(table, path.name, *_stat(path)) for table, path in find_paths(source)[0].items() if table in VOCABULARY_TABLES}
    return next((release for release in _loaded(target) if _is_made_of(release, stats)), None)


def load_vocabulary(con: duckdb.DuckDBPyConnection, source: Path, target: Path) -> Release:
    """Turn an Athena download into Parquet, one file per vocabulary table with exactly the CDM's columns, and say what is in it.

    The folder is named by the download's contents, so the same download is recognised and returned at once, and it appears with one rename:
    whatever goes wrong before leaves nothing behind.

    Args:
        con: Reads and writes; it is left without a trace.
        source: Folder with CONCEPT.csv and its companions (`.csv`, `.csv.gz` or `.parquet`, in any case of letters).
        target: The study's `warehouse/vocabulary`; gets the folder `<first 16 digits of the digest>`.

    Raises:
        VocabularyError: A file is missing, empty, unreadable or lacks a column, a line cannot be read, concept ids repeat, or nothing maps.
    """
    files, unused = find_files(con, source)
    loaded = _loaded(target)
    for release in loaded:
        if _is_made_of(release, _stats(files.values())):
            return release
    target.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=target))
    hashing = ThreadPoolExecutor(1, thread_name_prefix="sha256")
    try:
        hashes = {table: hashing.submit(sha256_of, file.path) for table, file in files.items()}
        if any(_sizes(files) == {made.table: made.size for made in release.sources} for release in loaded):
            folder = target / _digest(_results(hashes))[:_FOLDER_DIGITS]  # likely the same bytes with a newer time: no need to read them twice
            if folder.exists():
                return read_release(folder)
        return _put_in_place(_write(con, source, files, unused, hashes, work), target)
    finally:
        hashing.shutdown(cancel_futures=True)
        shutil.rmtree(work, ignore_errors=True)


def _write(
    con: duckdb.DuckDBPyConnection, source: Path, files: dict[str, SourceFile], unused: tuple[str, ...], hashes: dict[str, Future[str]], work: Path
) -> Release:
    rows: dict[str, int] = {}
    notes: list[str] = []
    added_zero = False
    for table, file in files.items():
        written = work / f"{table}.parquet"
        if table == "concept":
            rows[table], about, added_zero = write_concepts(con, file, written)
        else:
            rows[table], about = write_table(con, file, written)
        notes.extend(about)
    findings = examine(con, work, source, unused, rows)
    sums = _results(hashes)
    if any(_stat(file.path) != (file.size, file.mtime_ns) for file in files.values()):
        raise VocabularyError(source, expected="files at rest", got="a file that changed while it was read", todo="Wait for the download, and load again.")
    release = Release(
        folder=work,
        digest=_digest(sums),
        release=findings.release,
        rows=rows,
        vocabularies=findings.vocabularies,
        missing=tuple(table for table in OPTIONAL_TABLES if table not in files),
        warnings=(*findings.warnings, *notes),
        added_concept_zero=added_zero,
        unused=unused,
        sources=tuple(Source(table, file.path.name, file.size, file.mtime_ns, sums[table]) for table, file in files.items()),
    )
    (work / RELEASE_FILE).write_text(release.to_json(), encoding="utf-8")
    return release


def _put_in_place(release: Release, target: Path) -> Release:
    folder = target / release.digest[:_FOLDER_DIGITS]
    if not folder.exists():
        release.folder.replace(folder)
    return read_release(folder)


def _loaded(target: Path) -> list[Release]:
    return [read_release(path.parent) for path in sorted(target.glob(f"*/{RELEASE_FILE}")) if not path.parent.name.startswith(_UNFINISHED)]


def _stats(files: Iterable[SourceFile]) -> set[tuple[str, str, int, int]]:
    return {(file.table, file.path.name, file.size, file.mtime_ns) for file in files}


def _is_made_of(release: Release, stats: set[tuple[str, str, int, int]]) -> bool:
    """Say whether a release was made of files of these tables, names, sizes and times, in the layout of now."""
    is_current = release.digest == _digest({made.table: made.sha256 for made in release.sources})
    return is_current and stats == {(made.table, made.name, made.size, made.mtime_ns) for made in release.sources}


def _sizes(files: dict[str, SourceFile]) -> dict[str, int]:
    return {table: file.size for table, file in files.items()}


def _stat(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _results(hashes: dict[str, Future[str]]) -> dict[str, str]:
    return {table: digest.result() for table, digest in hashes.items()}


def _digest(hashes: dict[str, str]) -> str:
    lines = [_LAYOUT, *(f"{table} {digest}" for table, digest in sorted(hashes.items()))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
