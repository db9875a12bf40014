"""A package is written beside its place, looked over, and put there whole, or not at all."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from plait.errors import ConfigError
from plait.hashing import sha256_of
from plait.workfolder import need_place, work_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

HASHES_FILE = "SHA256SUMS"
"""The file with the SHA-256 of each other one, as `sha256sum -c` reads it."""

UNFINISHED = ".plait-export-"
"""How the names of folders begin in which a package is written, beside its place."""


def need_new(target: Path, *, zipped: bool = False) -> None:
    """Fail where there is something in the place of a package, an empty folder in that of a folder excepted, or nothing can be put there.

    Raises:
        ConfigError: There is, or it cannot.
    """
    if target.exists() and (zipped or not target.is_dir() or any(target.iterdir())):
        kind = "file" if zipped else "folder"
        raise ConfigError(
            target, expected=f"a new {kind}", got="one that is there", todo="Name another one, or remove it: what was given out is never replaced."
        )
    need_place(target.absolute().parent)


@contextmanager
def new_package(target: Path, *, zipped: bool = False) -> Iterator[Path]:
    """Give a new folder to write to; it is renamed to `target`, or zipped, if nothing failed, and removed if something did.

    What exports that were killed left behind in the same place is removed, too.

    Raises:
        ConfigError: There is something in the target's place.
    """
    need_new(target, zipped=zipped)
    target = target.absolute()  # `.` has no name
    target.parent.mkdir(parents=True, exist_ok=True)
    with work_folder(target.parent, UNFINISHED) as folder:
        yield folder
        if zipped:
            _zip(folder, target)
            return
        if target.exists():
            target.rmdir()
        folder.rename(target)


def _zip(folder: Path, archive: Path) -> None:
    """Make one zip of a package, which its owner alone can read, as the folder is; it is put in its place whole."""
    with work_folder(archive.parent, UNFINISHED) as holder:
        made = Path(shutil.make_archive(f"{holder}/package", "zip", folder))
        made.chmod(0o600)
        made.rename(archive)


def write_hashes(folder: Path) -> dict[str, str]:
    """Write the SHA-256 of each file of a package, and give them by name."""
    found = {path.relative_to(folder).as_posix(): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file() and path.name != HASHES_FILE}
    (folder / HASHES_FILE).write_text("".join(f"{digest}  {name}\n" for name, digest in found.items()), encoding="utf-8")
    return found
