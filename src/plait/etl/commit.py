"""Versions of a study: which files make up each table. The newest version file is the state.

Every data file is immutable; a commit is the rename of one small JSON file. A kill at any moment leaves
the last version, and readers never wait.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from plait.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Version:
    """A committed state: table files by schema (`cdm`, `books`), relative to the warehouse, and what they depend on."""

    version: int
    run_id: int
    plait: str
    basis: str
    fingerprint: str
    vocabulary: str | None
    shard_persons: int
    crosswalk: str
    dimension_ids: str
    person_digests: str
    shards: dict[str, dict[str, dict[str, str]]]
    last_file_id: int
    tables: dict[str, dict[str, list[str]]]
    inventory: list[dict[str, Any]] = field(default_factory=list)
    staged: list[dict[str, Any]] = field(default_factory=list)


def warehouse_of(study: Path) -> Path:
    """Give the folder with everything that plait computes of a study."""
    return study / "warehouse"


def newest_version(study: Path) -> Version | None:
    """Give the newest committed version, None before the first run."""
    return read_version(study, max(versions(study), default=0))


def versions(study: Path) -> list[int]:
    """Give the numbers of all versions that can be opened, oldest first."""
    folder = warehouse_of(study) / "versions"
    return sorted(int(path.stem) for path in folder.glob("*.json")) if folder.is_dir() else []


def read_version(study: Path, number: int) -> Version | None:
    """Give one version, None where number is 0.

    Raises:
        StudyError: No such version, or its file is damaged.
    """
    if number == 0:
        return None
    file = warehouse_of(study) / "versions" / f"{number:0{_DIGITS}}.json"
    try:
        return Version(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        have = versions(study)
        raise StudyError(study, expected=f"version {number}", got=f"versions {', '.join(map(str, have)) or 'none'}", todo="Open one of these.") from None
    except (ValueError, TypeError):
        raise StudyError(
            file, expected="a version file", got="one that is damaged", todo="Restore it from a copy, or remove it to go back to the version before."
        ) from None


def commit(study: Path, version: Version) -> None:
    """Make `version` the state, all at once."""
    folder = warehouse_of(study) / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{version.version:0{_DIGITS}}.json"
    temporary = file.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as handle:
        json.dump(asdict(version), handle, indent=1, sort_keys=True)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(file)


def _check_writable(folder: Path) -> None:
    """Fail where `folder` could not be written to, or not be made."""
    if folder.exists() and not folder.is_dir():
        raise StudyError(folder, expected="a folder", got="a file", todo="Move it away: plait writes a folder of this name.")
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise StudyError(there, expected="a folder that plait may write to", got="no permission", todo="Give the user who runs plait write access.")


@contextmanager
def writing(study: Path) -> Iterator[None]:
    """Hold the study's one writer's lock.

    Raises:
        StudyError: Another run holds it; says which process on which machine.
    """
    for folder in (warehouse_of(study), warehouse_of(study) / "versions", study / "private"):
        _check_writable(folder)
    warehouse_of(study).mkdir(parents=True, exist_ok=True, mode=0o700)
    with (warehouse_of(study) / ".lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise StudyError(
                study,
                expected="to be the only run",
                got=f"another one ({lock.read().strip() or 'unknown'})",
                todo="Wait for it, or stop it; its lock goes with it.",
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()}")
        lock.flush()
        yield
