"""Where the files of an image stand, and how they are opened: below a source's path, in a ZIP archive there, or at a URL."""

from __future__ import annotations

import os
import re
import stat
import zipfile
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self

from plait.etl.sources.listing import folder_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

_URL = re.compile(r"[a-z][a-z0-9+.-]*:(?://|oid:)")

_GONE = (404, 410)
"""What a server answers of a file that is not there (RFC 9110, 15.5)."""


class Found(NamedTuple):
    """What is known of a file without reading it; None where the place does not tell."""

    size_bytes: int | None
    mtime_ns: int | None


class NotOpenable(Exception):  # noqa: N818 - what cannot be opened here is not wrong
    """A reference is none that a file can be opened by here.

    Attributes:
        todo: What to install, None where nothing would help.
    """

    def __init__(self, todo: str | None = None) -> None:
        super().__init__(todo)
        self.todo = todo


def is_elsewhere(uri: str) -> bool:
    """Say whether a reference is a URL, not a path below its source's.

    >>> [is_elsewhere(uri) for uri in ("https://example.org/a.dcm", "urn:oid:1.2.3", "ct:1.dcm", "a.zip!b/1.dcm")]
    [True, True, False, False]
    """
    return _URL.match(uri) is not None


class ImageFiles:
    """The files of one source, for one thread: an archive stays open until a file is asked for that is not in it."""

    def __init__(self, root: Path) -> None:
        self._folder = str(folder_of(root))
        self._real = os.path.realpath(self._folder)
        self._archive: tuple[str, zipfile.ZipFile] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def find(self, uri: str) -> Found:
        """Give size and time of a file; an archive's member has its archive's time.

        Raises:
            FileNotFoundError: It is gone.
            NotOpenable: It is no file that could be opened here.
            Exception: It cannot be read: a system, an archive or a server says so in its own way.
        """
        if is_elsewhere(uri):
            system, path = _remote(uri)
            info = _info(system, path)
            if info.get("type") == "directory":
                raise NotOpenable
            return Found(info.get("size"), _time_ns(info.get("mtime") or info.get("LastModified")))
        path, member = self._place(uri)
        said = os.stat(path)  # noqa: PTH116 - many files
        if not stat.S_ISREG(said.st_mode):
            raise FileNotFoundError
        return Found(said.st_size if member is None else self._member(path, member)[1].file_size, said.st_mtime_ns)

    @contextmanager
    def open(self, uri: str) -> Iterator[IO[bytes]]:
        """Open a file to be read.

        Raises:
            FileNotFoundError: It is gone.
            NotOpenable: It is no file that could be opened here.
            Exception: It cannot be read, as `find`.
        """
        if is_elsewhere(uri):
            system, path = _remote(uri)
            streamed = {"block_size": 0} if "http" in system.protocol else {}  # as it comes: servers need not know of ranges
            with system.open(path, "rb", **streamed) as file:
                yield file
            return
        path, member = self._place(uri)
        if member is None:
            with open(path, "rb") as file:  # noqa: PTH123 - many files
                yield file
            return
        archive, info = self._member(path, member)
        with archive.open(info) as file:
            yield file

    def path(self, uri: str) -> str | None:
        """Give the path of a file, None where it is a member of an archive or stands elsewhere.

        Raises:
            OSError: A link leads out of the folder.
        """
        if is_elsewhere(uri):
            return None
        path, member = self._place(uri)
        return path if member is None else None

    def _place(self, uri: str) -> tuple[str, str | None]:
        """Give the path of a file, or that of its archive and its name in there."""
        path, member = os.path.join(self._folder, uri), None  # noqa: PTH118
        if "!" in uri and not os.path.lexists(path):
            ends = (mark.start() for mark in re.finditer("!", uri))
            archives = (end for end in ends if os.path.isfile(os.path.join(self._folder, uri[:end])))  # noqa: PTH113, PTH118
            if (end := next(archives, None)) is not None:
                path, member = os.path.join(self._folder, uri[:end]), uri[end + 1 :]  # noqa: PTH118
        if not os.path.realpath(path).startswith(self._real.rstrip(os.sep) + os.sep):
            raise PermissionError
        return path, member

    def _member(self, path: str, member: str) -> tuple[zipfile.ZipFile, zipfile.ZipInfo]:
        """Give an open archive and what it says of a member."""
        if self._archive is None or self._archive[0] != path:
            self._close()
            self._archive = path, zipfile.ZipFile(path)
        archive = self._archive[1]
        try:
            return archive, archive.getinfo(member)
        except KeyError:
            raise FileNotFoundError from None

    def _close(self) -> None:
        if self._archive is not None:
            self._archive[1].close()
            self._archive = None


def _remote(uri: str) -> tuple[Any, str]:
    """Give the file system of a URL, and the path there.

    Raises:
        NotOpenable: It names no file, or a package is missing.
    """
    if uri.startswith("urn:") or uri.endswith("/*"):
        raise NotOpenable
    try:
        import fsspec
        from fsspec.registry import known_implementations
    except ImportError:
        raise NotOpenable("pip install 'plait[imaging]'") from None
    protocol = uri.partition(":")[0]
    with suppress(ValueError):  # nobody knows the protocol
        try:
            system, path = fsspec.url_to_fs(uri)
        except ImportError:
            said = known_implementations[protocol].get("err", "Install the package that opens it")
            raise NotOpenable(f"{protocol}: {said}") from None
        return system, path
    raise NotOpenable


def _info(system: Any, path: str) -> dict[str, Any]:  # noqa: ANN401 - one of fsspec's many
    """Give what a file system says of a file.

    Raises:
        FileNotFoundError: It is not there. To fsspec no answer, or a refusal, is the same; here, that is raised as what it is.
    """
    try:
        info: dict[str, Any] = system.info(path)
    except FileNotFoundError as error:
        why = error.__cause__
        if isinstance(why, OSError) or getattr(why, "status", _GONE[0]) not in _GONE:
            raise (why or error) from None
        raise
    return info


def _time_ns(said: datetime | float | None) -> int | None:
    """Give a time as nanoseconds since 1970."""
    if said is None:
        return None
    return round((said if isinstance(said, (int, float)) else said.timestamp()) * 1_000_000) * 1000
