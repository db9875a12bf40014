"""What stands in a folder of images: names, sizes and times, and nothing of the contents.

A folder of a million files is one input: what is in it is known by this list, and a file whose size and time are
as they were is taken to be what it was.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Entry(NamedTuple):
    """A file: its name below the folder, its size and time; `is_outside` says that it is a link to what stands elsewhere.

    A server may not tell the size (then it is -1) or the time (0), and may have a `tag` for the content.
    """

    name: str
    size_bytes: int
    mtime_ns: int
    is_outside: bool
    tag: str = ""

    @property
    def stamp(self) -> str:
        """Its time, and its tag where it has one: while these and its size stay, it is taken to be what it was."""
        return f"{self.mtime_ns}:{self.tag}" if self.tag else str(self.mtime_ns)


@dataclass(frozen=True)
class Listing:
    """The files below a folder (or the one file that stands in its place), in order of name."""

    entries: tuple[Entry, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all names, sizes and times."""
        lines = (f"{entry.name}\0{entry.size_bytes}\0{entry.stamp}\0{entry.is_outside}\n" for entry in self.entries)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(max(0, entry.size_bytes) for entry in self.entries)

    @property
    def mtime_ns(self) -> int:
        """Time of the newest file."""
        return max((entry.mtime_ns for entry in self.entries), default=0)


def list_folder(root: Path | str) -> Listing:
    """Give what stands below `root`, a path or a URL, hidden files left out; links that lead back are not followed.

    Raises:
        PermissionError: A folder may not be listed.
        ConfigError: There is nothing at the URL, or a package is missing.
        InputFileError: A server refuses, or does not answer.
    """
    if isinstance(root, str):
        return _listed_elsewhere(root)
    if root.is_file():
        stat = root.stat()
        return Listing((Entry(root.name, stat.st_size, stat.st_mtime_ns, is_outside=False),))
    real = os.path.realpath(root)
    found: list[Entry] = []
    _collect(str(root), "", real, {real}, found)
    return Listing(tuple(sorted(found)))


def folder_of(root: Path | str) -> str:
    """Give the folder that names of a listing are below: a path or a URL."""
    if isinstance(root, str):
        return root
    return str(root.parent if root.is_file() else root)


def _listed_elsewhere(url: str) -> Listing:
    from plait.etl.sources.remote import NotOpenable, forget, raise_as_input, remote_folder

    forget()
    try:
        found = remote_folder(url).list()
    except (OSError, NotOpenable) as error:
        raise_as_input(url, error)
    entries = (Entry(name, -1 if file.size_bytes is None else file.size_bytes, file.mtime_ns or 0, is_outside=False, tag=file.tag) for name, file in found)
    return Listing(tuple(sorted(entries)))


def _collect(folder: str, prefix: str, root: str, seen: set[str], found: list[Entry]) -> None:
    """Add the files of a folder, and of those in it, to `found`; a list, since generators in generators cost as much as the system's answers."""
    with os.scandir(folder) as items:
        for item in items:
            if item.name.startswith("."):
                continue
            name = prefix + item.name
            real = os.path.realpath(item.path) if item.is_symlink() else None
            is_outside = real is not None and real != root and not real.startswith(root + os.sep)
            if item.is_dir(follow_symlinks=not is_outside):
                if real is None or real not in seen:
                    _collect(item.path, f"{name}/", root, seen | ({real} if real else set()), found)
                continue
            try:
                stat = item.stat(follow_symlinks=not is_outside)
            except FileNotFoundError:  # a link to nothing
                stat = item.stat(follow_symlinks=False)
                is_outside = True
            found.append(Entry(name, stat.st_size, stat.st_mtime_ns, is_outside))
