"""Folders that are worked in for a while, and those that a killed process left behind.

A folder is locked for as long as its process works in it, and the system frees the lock when the process ends, however that ends: one that is not
locked is nobody's, and may go. Where a file system has no such locks, none is ever taken for nobody's.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from plait.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRIVATE_WORK = "plait-work-"
"""How the names of folders in a study's `private/` begin in which something is worked on that tells who is who."""


def need_place(folder: Path) -> None:
    """Fail where a folder is not there and cannot be made, or cannot be written to.

    Raises:
        ConfigError: There is a file in its place or in that of a folder above it, or no permission.
    """
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(place))
    if not there.is_dir():
        raise ConfigError(there, expected="a folder", got="a file" if there.exists() else "a link to nothing", todo="Name another place.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(there, expected="a folder that plait may write to", got="no permission", todo="Name another place, or ask for write access.")


@contextmanager
def work_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Give a new folder `<prefix><8 digits>` that its owner alone can read; it is removed in the end, unless it was moved elsewhere.

    Those of the same prefix that killed processes left behind are removed first.
    """
    remove_abandoned(parent, prefix)
    folder = parent / f"{prefix}{secrets.token_hex(4)}"
    made = folder.with_name(f"{folder.name}.new")  # the name that can be taken for nobody's comes with the lock
    made.mkdir(mode=0o700)
    lock = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        made.rename(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def abandoned(parent: Path, prefix: str) -> list[Path]:
    """Give the folders `<prefix><8 digits>` of a folder in which nobody works any more."""
    name = re.compile(re.escape(prefix) + "[0-9a-f]{8}")
    with suppress(OSError):
        return sorted(path for path in parent.iterdir() if name.fullmatch(path.name) and not path.is_symlink() and path.is_dir() and not _is_held(path))
    return []


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove the folders in which nobody works any more, as far as that may be done."""
    for path in abandoned(parent, prefix):
        shutil.rmtree(path, ignore_errors=True)


def _is_held(folder: Path) -> bool:
    """Tell whether a process works in a folder, or nobody can tell."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False
