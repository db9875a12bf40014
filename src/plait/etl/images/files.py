"""Where the files of an image stand, and how they are opened: below a source's path, in a ZIP archive there, or at a URL."""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self, cast

from plait.etl.sources.listing import folder_of
from plait.etl.sources.remote import Found, NotOpenable, RemoteFile, find, is_url, remote_folder, system_of
from plait.etl.sources.wsi.slide import RemoteSlide

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plait.etl.sources.wsi.slide import Place

_BLOCK_BYTES = 1 << 20


def is_elsewhere(uri: str) -> bool:
    """Say whether a reference is a URL, not a path below its source's.

    >>> [is_elsewhere(uri) for uri in ("https://example.org/a.dcm", "urn:oid:1.2.3", "ct:1.dcm", "a.zip!b/1.dcm")]
    [True, True, False, False]
    """
    return is_url(uri)


class ImageFiles:
    """The files of one source, for one thread: an archive stays open until a file is asked for that is not in it."""

    def __init__(self, root: Path | str) -> None:
        self._folder = folder_of(root)
        self._url = root if isinstance(root, str) else None
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
            return find(*system_of(uri))
        if self._url is not None:
            name, member = self._remote_place(uri)
            found = remote_folder(self._url).find(name)
            return found if member is None else Found(self._member(name, member)[1].file_size, found.mtime_ns, found.tag)
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
            system, path = system_of(uri)
            streamed = {"block_size": 0} if "http" in system.protocol else {}  # as it comes: servers need not know of ranges
            with system.open(path, "rb", **streamed) as file:
                yield file
            return
        if self._url is not None:
            with self._open_remote(*self._remote_place(uri)) as file:
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

    def slide(self, uri: str) -> Place | None:
        """Give where a slide is, None where it is a member of an archive or its reference a URL.

        Raises:
            OSError: A link leads out of the folder.
        """
        if is_elsewhere(uri):
            return None
        if self._url is not None:
            folder, (name, member) = remote_folder(self._url), self._remote_place(uri)
            return RemoteSlide(folder, name, folder.find(name).size_bytes or 0) if member is None else None
        path, member = self._place(uri)
        return Path(path) if member is None else None

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

    def _remote_place(self, uri: str) -> tuple[str, str | None]:
        """Give the name of a file below the source's URL, or that of its archive and its name in there."""
        if "!" in uri:
            folder = remote_folder(str(self._url))
            for mark in re.finditer("!", uri):
                with suppress(FileNotFoundError, NotOpenable):
                    folder.find(uri[: mark.start()])
                    return uri[: mark.start()], uri[mark.end() :]
        return uri, None

    def _open_remote(self, name: str, member: str | None) -> IO[bytes]:
        """Open a file below the source's URL, or a member of an archive there."""
        if member is not None:
            archive, info = self._member(name, member)
            return archive.open(info)
        folder = remote_folder(str(self._url))
        return cast("IO[bytes]", io.BufferedReader(RemoteFile(folder, name, folder.find(name).size_bytes or 0), _BLOCK_BYTES))

    def _member(self, path: str, member: str) -> tuple[zipfile.ZipFile, zipfile.ZipInfo]:
        """Give an open archive and what it says of a member."""
        if self._archive is None or self._archive[0] != path:
            self._close()
            self._archive = path, zipfile.ZipFile(path if self._url is None else self._open_remote(path, None))
        archive = self._archive[1]
        try:
            return archive, archive.getinfo(member)
        except KeyError:
            raise FileNotFoundError from None

    def _close(self) -> None:
        if self._archive is not None:
            self._archive[1].close()
            self._archive = None
