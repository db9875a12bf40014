"""What stays when a run ends, however it ended: the files of versions, and finished work that the next run takes over."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from plait.etl.commit import files_of, newest_version, warehouse_of
from plait.etl.manifest import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

SPILL = ".spill"
"""Folder in the warehouse for what goes when a run ends."""

UNFINISHED = ".unfinished"
"""Folder in the warehouse for the manifests of the shards that a run has done so far."""


def clear_away(study: Path) -> None:
    """Remove what the newest run, and one that did not commit after it, wrote and nobody needs.

    The files of versions stay, and those of shards that are done and not committed yet. Call it under the
    study's lock.
    """
    warehouse = warehouse_of(study)
    shutil.rmtree(warehouse / SPILL, ignore_errors=True)
    newest = newest_version(study)
    last = newest.run_id if newest else 0
    needed = set(files_of(study, newest)) | _finished(warehouse, f"run-{last + 1:06}-")
    for folder in (study / "private", *sorted(warehouse.glob("cdm/*")), *sorted(warehouse.glob("books/*"))):
        for number in (last, last + 1):
            for file in folder.glob(f"*run-{number:06}-*"):
                if file not in needed:
                    file.unlink()


def _finished(warehouse: Path, run: str) -> set[Path]:
    """Give the files of shards that were done by the run with `run` in its files' names; manifests of others go."""
    finished: set[Path] = set()
    for manifest in (warehouse / UNFINISHED).glob("*.json"):
        content = read_manifest(manifest)
        files = {warehouse / file for tables in (content or {"tables": {}})["tables"].values() for file in tables.values()}
        if any(run in file.name for file in files):
            finished |= files
        else:
            manifest.unlink()
    return finished
