"""A package is written beside its place, looked over, and put there whole, or not at all."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from plait.errors import ConfigError
from plait.hashing import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HASHES_FILE = "SHA256SUMS"
"""The file with the SHA-256 of each other one, as `sha256sum -c` reads it."""


@contextmanager
def new_package(target: Path) -> Iterator[Path]:
    """Give a new folder to write to; it is renamed to `target` if nothing failed, and removed if something did.

    Raises:
        ConfigError: There is something in the target's place.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigError(
            target, expected="a new folder", got="one that is there", todo="Name another one, or remove it: what was given out is never replaced."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(f".{target.name}.{uuid4().hex[:8]}")
    folder.mkdir(mode=0o700)
    try:
        yield folder
        if target.exists():
            target.rmdir()
        folder.rename(target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def write_hashes(folder: Path) -> dict[str, str]:
    """Write the SHA-256 of each file of a package, and give them by name."""
    found = {path.relative_to(folder).as_posix(): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file() and path.name != HASHES_FILE}
    (folder / HASHES_FILE).write_text("".join(f"{digest}  {name}\n" for name, digest in found.items()), encoding="utf-8")
    return found
