"""`plait gc`: files that no kept version names go.

A version stays until another one has stood in its place for a day, and a file until it is a day old: somebody may
have opened the version while it was the newest, and may still be reading.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from plait.etl.commit import Version, files_of, read_version, versions, warehouse_of, writing
from plait.etl.notes.pruning import prune_findings, unused_findings
from plait.etl.stage import codes_file, manifest_file, persons_file
from plait.workfolder import PRIVATE_WORK, abandoned, remove_abandoned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPARED_SECONDS = 24 * 3600
"""Time for which nothing is removed that could be read until then (DESIGN, "Runs")."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed: versions that can no longer be opened, files, and their bytes."""

    versions: tuple[int, ...]
    files: int
    size_bytes: int


def collect_garbage(study: Path, *, keep: int = 1, now: float | None = None, dry_run: bool = False) -> Collected:
    """Remove old versions and the files that only they name, and at once what an export that was killed left in `private/`.

    Args:
        study: The study's folder.
        keep: How many of the newest versions stay, at least 1.
        now: The time to measure age by, in seconds since 1970; the clock's if None.
        dry_run: Count, and remove nothing.

    Raises:
        StudyError: A run holds the study.
    """
    moment = time.time() if now is None else now
    with writing(study):
        warehouse = warehouse_of(study)
        numbers = versions(study)
        since = dict(pairwise(numbers))
        kept = [n for n in numbers if n in numbers[-max(keep, 1) :] or _is_young(_version_file(warehouse, since[n]), moment)]
        named = {path for number in kept for path in _named(study, read_version(study, number))}
        named |= {_version_file(warehouse, number) for number in kept}
        gone = [path for path in _files(study) if path not in named and not _is_young(path, moment)]
        versions_kept = [version for number in kept if (version := read_version(study, number)) is not None]
        gone += [path for path in unused_findings(warehouse, versions_kept) if not _is_young(path, moment)]
        gone += [path for folder in abandoned(study / "private", PRIVATE_WORK) for path in sorted(folder.rglob("*")) if path.is_file()]
        size = sum(path.stat().st_size for path in gone)
        if not dry_run:
            for path in gone:
                path.unlink(missing_ok=True)
            remove_abandoned(study / "private", PRIVATE_WORK)
        pruned = prune_findings(warehouse, versions_kept, lambda path: _is_young(path, moment), dry_run=dry_run)
    return Collected(tuple(number for number in numbers if number not in kept and _version_file(warehouse, number) in gone), len(gone) + len(pruned), size)


def _version_file(warehouse: Path, number: int) -> Path:
    return warehouse / "versions" / f"{number:06}.json"


def _is_young(path: Path, moment: float) -> bool:
    """Tell whether a file is too young to go, as one is that says it is from the future: a clock that went back removes nothing."""
    return moment - path.stat().st_mtime < SPARED_SECONDS


def unnamed_files(study: Path) -> list[Path]:
    """Give the files that plait made and that no version names, however young they are. Call it under the study's lock."""
    named = {path for number in versions(study) for path in _named(study, read_version(study, number))}
    named |= {_version_file(warehouse_of(study), number) for number in versions(study)}
    return [path for path in _files(study) if path not in named]


def _named(study: Path, version: Version | None) -> Iterator[Path]:
    """Yield every file that a version needs."""
    if version is None:
        return
    yield from files_of(study, version)
    for entry in version.staged:
        path = warehouse_of(study) / entry["path"]
        yield from (path, manifest_file(path), persons_file(path), codes_file(path))
    yield from (warehouse_of(study) / path for path in version.counted)


def _files(study: Path) -> Iterator[Path]:
    """Yield every file that plait may have made and that a version may name."""
    warehouse = warehouse_of(study)
    for folder in (warehouse / "cdm", warehouse / "books", warehouse / "staged", warehouse / "versions", study / "omics"):
        yield from sorted(path for path in folder.rglob("*") if path.is_file())
    yield from sorted((study / "private").glob("*-run-*"))  # keys and tombstones are of no version
