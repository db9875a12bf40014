"""What lies beside the versions and may tell of somebody: unfinished work, copies of sources, findings in notes, checks of images, reports, logs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.duck import parquet, write_parquet
from plait.etl.catalog import CATALOG_FILE, build_catalog, checks_file
from plait.etl.clearing import SPILL, UNFINISHED
from plait.etl.commit import newest_version, read_version, versions, warehouse_of
from plait.etl.forgotten import remove_copies
from plait.etl.gc import unnamed_files
from plait.etl.notes.pruning import prune_findings, unused_findings
from plait.etl.notes.reading import FINDINGS_FOLDER
from plait.etl.sources.folder import HEADERS_FOLDER, open_sources
from plait.workfolder import PRIVATE_WORK, abandoned, remove_abandoned

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from plait.erasure.proof import Left
    from plait.settings import Settings

_REPORTS = ("reports", "logs")
"""Folders whose files are made again, or are of the past."""


@dataclass(slots=True)
class Removed:
    """Files that went, and their bytes."""

    files: int = 0
    size_bytes: int = 0

    def add(self, paths: Iterable[Path]) -> None:
        """Remove files."""
        for path in paths:
            if path.is_file():
                self.files += 1
                self.size_bytes += path.stat().st_size
                path.unlink()


def clear_leftovers(con: duckdb.DuckDBPyConnection, study: Path, settings: Settings, sources: Iterable[str], removed: Removed) -> None:
    """Remove what may tell of somebody and what no version needs, at once; what is made again is made again when it is wanted.

    Args:
        con: A connection.
        study: The study's folder; its versions are without the persons.
        settings: Its settings.
        sources: Names of the sources that hold records of the persons.
        removed: Where it is counted.
    """
    warehouse = warehouse_of(study)
    kept = [version for number in versions(study) if (version := read_version(study, number)) is not None]
    for folder in (warehouse / UNFINISHED, warehouse / SPILL):
        removed.add(sorted(path for path in folder.rglob("*") if path.is_file()))
        shutil.rmtree(folder, ignore_errors=True)
    removed.add(unnamed_files(study))
    removed.add(sorted(path for folder in abandoned(study / "private", PRIVATE_WORK) for path in folder.rglob("*")))
    remove_abandoned(study / "private", PRIVATE_WORK)
    removed.add(sorted(path for folder in ("staged", "cdm", "books", FINDINGS_FOLDER) for path in (warehouse / folder).rglob("*.tmp")))
    removed.add(sorted((study / "omics").glob("*.partial")))
    opened = open_sources(settings, study)
    remove_copies(warehouse, opened, sources)
    _remove_strays(warehouse / HEADERS_FOLDER, {source.name for source in opened})
    if (warehouse / FINDINGS_FOLDER).is_dir():
        removed.add(unused_findings(warehouse, kept))
        prune_findings(warehouse, kept, lambda _: False, dry_run=False)
    _clear_checks(con, study)
    for name in (f"{CATALOG_FILE}.json", f"{CATALOG_FILE}.wal", CATALOG_FILE):
        (warehouse / name).unlink(missing_ok=True)
    newest = newest_version(study)
    if newest is not None:
        build_catalog(study, newest)


def _remove_strays(folder: Path, names: set[str]) -> None:
    """Remove what is kept of sources that the study has no more."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.removesuffix(".parquet").removesuffix(".json") not in names:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _clear_checks(con: duckdb.DuckDBPyConnection, study: Path) -> None:
    """Leave of what was found of images' files only what is of an image that a version has."""
    file = checks_file(study)
    if not file.is_file():
        return
    kept = []
    for number in versions(study):
        version = read_version(study, number)
        books = version.tables["books"] if version is not None else {}
        items, files = ([warehouse_of(study) / path for path in books.get(table, [])] for table in ("image_item", "image_file"))
        if items and files:
            kept.append(f"SELECT DISTINCT i.source, f.uri FROM {parquet(*items)} AS i INNER JOIN {parquet(*files)} AS f USING (image_occurrence_id)")
    if not kept:
        file.unlink()
        return
    row = con.execute(f"SELECT count(*) FROM {parquet(file)} ANTI JOIN ({' UNION '.join(kept)}) USING (source, uri)").fetchone()
    if row and row[0]:
        write_parquet(con, f"FROM {parquet(file)} SEMI JOIN ({' UNION '.join(kept)}) USING (source, uri)", file.with_name(f".{file.name}.new"))
        file.with_name(f".{file.name}.new").replace(file)


def clear_reports(study: Path, left: Iterable[Left], removed: Removed) -> list[Left]:
    """Remove reports and logs in which something was found, and give what is left elsewhere."""
    others = []
    for one in left:
        if one.place.split("/")[0] in _REPORTS:
            removed.add([study / one.place.partition(", ")[0]])
        else:
            others.append(one)
    return others
