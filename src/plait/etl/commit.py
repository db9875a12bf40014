"""Versions of a study: which files make up each table. The newest version file is the state.

Every data file is immutable; a commit puts one small JSON file in place. A kill at any moment leaves the
last version, and readers never wait.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import errno
import fcntl
import json
import os
import secrets
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
    """A committed state: table files by schema (`cdm`, `books`), relative to the warehouse, and what they depend on; `omics` is relative to the study.

    `forgotten` tells when, and how many, persons were taken out of it since.
    """

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
    omics: list[dict[str, Any]] = field(default_factory=list)
    contested: str | None = None
    counted: list[str] = field(default_factory=list)
    extractors: list[str] = field(default_factory=list)
    forgotten: list[dict[str, Any]] = field(default_factory=list)


def warehouse_of(study: Path) -> Path:
    """Give the folder with everything that plait computes of a study."""
    return study / "warehouse"


def newest_version(study: Path) -> Version | None:
    """Give the newest committed version, None before the first run."""
    return read_version(study, max(versions(study), default=0))


def versions(study: Path) -> list[int]:
    """Give the numbers of all versions that can be opened, oldest first."""
    folder = warehouse_of(study) / "versions"
    return sorted(int(path.stem) for path in folder.glob("[0-9]" * _DIGITS + ".json"))


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


def files_of(study: Path, version: Version | None) -> Iterator[Path]:
    """Yield the files that make up a version, its staged rows aside."""
    if version is None:
        return
    yield study / version.crosswalk
    yield study / version.dimension_ids
    for tables in version.tables.values():
        for files in tables.values():
            yield from (warehouse_of(study) / file for file in files)
    yield from (study / entry["path"] for entry in version.omics)
    if version.contested is not None:
        yield study / version.contested


def commit(study: Path, version: Version) -> None:
    """Make `version` the state, all at once, and so that it survives a loss of power.

    Raises:
        StudyError: A file of the version is not there, or another run has committed this version meanwhile,
            which can only be where the file system lost our lock; nothing was committed.
    """
    lost = [file for file in files_of(study, version) if not file.exists()]
    if lost:
        raise StudyError(lost[0], expected="a file that this run wrote", got="none", todo="Nothing was committed. See who else writes there, and run again.")
    folder = warehouse_of(study) / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{version.version:0{_DIGITS}}.json"
    temporary = folder / f"{file.name}.{secrets.token_hex(4)}.tmp"
    try:
        temporary.write_text(json.dumps(asdict(version), indent=1, sort_keys=True), encoding="utf-8")
        _flush(folder)
        os.link(temporary, file)  # unlike a rename it never replaces
        _flush(folder)
    except FileExistsError:
        raise StudyError(
            file, expected="to be the only run", got="a version that another one has committed", todo="Nothing of this run was committed. Run again."
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def replace_version(study: Path, version: Version) -> None:
    """Put a version in the place of the one of its number, all at once, and so that it survives a loss of power: persons were taken out of it.

    Raises:
        StudyError: A file of the version is not there; nothing was replaced.
    """
    lost = [file for file in files_of(study, version) if not file.exists()]
    if lost:
        raise StudyError(lost[0], expected="a file that takes the place of another", got="none", todo="The version stands as it was. Do it again.")
    folder = warehouse_of(study) / "versions"
    temporary = folder / f"{version.version:0{_DIGITS}}.json.tmp"
    temporary.write_text(json.dumps(asdict(version), indent=1, sort_keys=True), encoding="utf-8")
    _flush(folder)
    temporary.replace(temporary.with_suffix(""))
    _flush(folder)


def _flush(folder: Path) -> None:
    """Have the disk hold all that was written to the file system of `folder`: one call, not one a file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def _check_writable(folder: Path) -> None:
    """Fail where `folder` could not be written to, or not be made."""
    if folder.exists() and not folder.is_dir():
        raise StudyError(folder, expected="a folder", got="a file", todo="Move it away: plait writes a folder of this name.")
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise StudyError(there, expected="a folder that plait may write to", got="no permission", todo="Give the user who runs plait write access.")


@contextmanager
def writing(study: Path) -> Iterator[None]:
    """Hold the study's one writer's lock; the system frees it when its process ends, however that ends.

    Raises:
        StudyError: Another run holds it; says which process on which machine, and since when. Or the file
            system has no locks.
    """
    for folder in (warehouse_of(study), warehouse_of(study) / "versions", study / "private"):
        _check_writable(folder)
    with locked(study, warehouse_of(study)):
        yield


@contextmanager
def locked(study: Path, folder: Path) -> Iterator[None]:
    """Hold the lock of a folder of a study, which is made where it is not there.

    Raises:
        StudyError: Another process holds it; or the file system has no locks.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / ".lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                raise StudyError(
                    study,
                    expected="a file system with file locks",
                    got=os.strerror(error.errno or 0).lower(),
                    todo="Put the study on a local disk, or on NFS of version 4.",
                ) from None
            lock.seek(0)
            raise StudyError(
                study,
                expected="to be the only run",
                got=f"another one ({lock.read().strip() or 'unknown'})",
                todo="Wait for it, or stop it; its lock goes with it.",
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()} since {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S} UTC")
        lock.flush()
        yield
