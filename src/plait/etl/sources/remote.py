"""Files that stand elsewhere: what is below a URL, and reading it there, through fsspec, no more of a file than is asked for.

A file that is gone or may not be read is one file's fault. A server that does not answer is nobody's: that is `Unreachable`,
which stops a run before it commits, so that what was known of its files stays.
"""

from __future__ import annotations

import io
import posixpath
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn
from urllib.parse import quote, unquote
from zipfile import BadZipFile

from plait.errors import ConfigError, InputFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

_URL = re.compile(r"[a-z][a-z0-9+.-]*:(?://|oid:)|[a-z0-9+.-]+::")
_SIDE_BY_SIDE = 16
"""Requests that wait at one time."""
HEAD_BYTES = 64 << 10
"""What is read of a file at first: most headers are shorter."""
_BLOCK_BYTES = 256 << 10
_GONE, _FORBIDDEN = (404, 410), (401, 403)
"""What a server answers of a file that is not there, or not for us (RFC 9110, 15.5)."""


class Unreachable(OSError):  # noqa: N818 - what a server is, not what is wrong here
    """A server does not answer, or fails: what it holds is neither there nor gone."""


class NotOpenable(Exception):  # noqa: N818 - what cannot be opened here is not wrong
    """A reference is none that a file can be opened by here.

    Attributes:
        todo: What to install, None where nothing would help.
    """

    def __init__(self, todo: str | None = None) -> None:
        super().__init__(todo)
        self.todo = todo


class Found(NamedTuple):
    """What is known of a file without reading it; None where the place does not tell. `tag` is a server's name for its content."""

    size_bytes: int | None
    mtime_ns: int | None
    tag: str = ""


def is_url(path: str) -> bool:
    """Say whether a path is a URL.

    >>> [is_url(path) for path in ("https://example.org/a.dcm", "zip::s3://bucket/a.zip", "urn:oid:1.2.3", "ct:1.dcm", "data/a.zip!b/1.dcm")]
    [True, True, True, False, False]
    """
    return _URL.match(path) is not None


def system_of(url: str, *, is_anew: bool = False) -> tuple[Any, str]:
    """Give the file system of a URL, and the path there.

    Args:
        url: The URL.
        is_anew: Whether an archive is opened again, whose list of members is else the one that this process read first.

    Raises:
        NotOpenable: It names no file, or a package is missing.
    """
    if url.startswith("urn:") or url.endswith("/*"):
        raise NotOpenable
    try:
        import fsspec
        from fsspec.registry import known_implementations
    except ImportError:
        raise NotOpenable("pip install 'plait[imaging]'") from None
    protocol = re.split(r"://|::", url, maxsplit=1)[0]
    with suppress(ValueError):  # nobody knows the protocol
        try:
            system, path = fsspec.url_to_fs(url, **({"skip_instance_cache": True} if is_anew and "::" in url else {}))
        except ImportError:
            said = known_implementations.get(protocol, {}).get("err", "Install the package that opens it")
            raise NotOpenable(f"{protocol}: {said}") from None
        return system, path
    raise NotOpenable


def find(system: Any, path: str) -> Found:  # noqa: ANN401 - one of fsspec's many
    """Give what a file system says of a file.

    Raises:
        FileNotFoundError: It is not there.
        PermissionError: It may not be read.
        Unreachable: The server does not answer.
        NotOpenable: It is a folder.
    """
    try:
        info = system.info(path)
    except Exception as error:  # noqa: BLE001 - every file system raises what it likes
        _raise(error)
    if info.get("type") == "directory":
        raise NotOpenable
    return _found(info)


def _found(info: dict[str, Any]) -> Found:
    """Read what a file system says, each in its own words."""
    said = next((info[key] for key in ("mtime", "LastModified", "last_modified", "updated", "Last-Modified", "created", "date_time") if info.get(key)), None)
    tag = next((str(info[key]) for key in ("ETag", "etag", "md5Hash", "Content-MD5") if info.get(key)), "")
    return Found(info.get("size"), _time_ns(said), tag.strip('"'))


def _time_ns(said: datetime | float | str | tuple[int, ...] | None) -> int | None:
    """Give a time as nanoseconds since 1970; None where it is none that is understood."""
    from calendar import timegm
    from datetime import datetime
    from email.utils import parsedate_to_datetime

    if said is None:
        return None
    try:
        if isinstance(said, tuple):  # a ZIP archive's
            said = timegm((*said[:6], 0, 0, 0))
        elif isinstance(said, str):
            said = datetime.fromisoformat(said) if said[:4].isdigit() else parsedate_to_datetime(said)
        return round((said if isinstance(said, (int, float)) else said.timestamp()) * 1_000_000) * 1000
    except (TypeError, ValueError):
        return None


def _raise(error: Exception) -> NoReturn:
    """Raise what an error of a file system means. To some no answer is a file that is not there; why, they say in its cause."""
    why = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ is not None else error
    status = next((status for said in (why, why.__cause__) if (status := _status(said)) is not None), None)
    if status in _GONE or (isinstance(why, FileNotFoundError) and status is None):
        raise FileNotFoundError from None
    if status in _FORBIDDEN or isinstance(why, PermissionError):
        raise PermissionError from None
    if isinstance(why, (ValueError, NotImplementedError)) and status is None:  # no ranges, no seeking: this one file cannot be read so
        raise OSError(type(why).__name__) from None
    raise Unreachable(type(why).__name__ if status is None else f"status {status}") from None


def _status(error: BaseException | None) -> int | None:
    """Give what a server answered, as aiohttp tells it, or botocore; None where it did not."""
    response = getattr(error, "response", None)
    said = response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else getattr(error, "status", None)
    return said if isinstance(said, int) else None


class RemoteFolder:
    """A folder at a URL, whose files are named by their paths below it, without the escapes of HTTP.

    Raises:
        FileNotFoundError: An archive is not there.
        PermissionError: It may not be read.
        Unreachable: Its server does not answer.
        NotOpenable: Nothing here opens the URL.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._system, self._root = system_of(url, is_anew=True)
        except NotOpenable:
            raise
        except BadZipFile:
            raise NotOpenable from None
        except Exception as error:  # noqa: BLE001 - an archive is opened here, where it stands
            _raise(error)
        self._system.invalidate_cache()
        self.is_http = "http" in self._system.protocol

    def path(self, name: str) -> str:
        """Give the path of a file on its file system."""
        return "/".join(filter(None, [self._root.rstrip("/"), quote(name) if self.is_http else name]))

    def find(self, name: str) -> Found:
        """Give what is known of a file, as `find`."""
        return find(self._system, self.path(name))

    def open(self, name: str, size_bytes: int | None = None, **options: Any) -> IO[bytes]:  # noqa: ANN401 - of fsspec
        """Open a file to be read in any order.

        Raises:
            FileNotFoundError: It is not there.
            PermissionError: It may not be read.
            Unreachable: The server does not answer.
        """
        more = {"size": size_bytes} if self.is_http and size_bytes else {}
        try:
            file: IO[bytes] = self._system.open(self.path(name), "rb", **more, **options)
        except Exception as error:  # noqa: BLE001 - as above
            _raise(error)
        return file

    def list(self) -> list[tuple[str, Found]]:
        """Give the files below the folder, hidden ones left out, in no order.

        Raises:
            FileNotFoundError: There is nothing.
            PermissionError: A part of it may not be listed.
            Unreachable: The server does not answer.
        """
        self._system.invalidate_cache()
        try:
            infos = list(self._walked(self._root)) if self._walks_alone() else list(self._system.find(self._root, detail=True).values())
        except Exception as error:  # noqa: BLE001 - as above
            _raise(error)
        named = {name: info for info in infos if (name := self._name(info["name"])) is not None}
        if not named:
            raise FileNotFoundError
        if self.is_http:  # an index has no sizes
            with ThreadPoolExecutor(_SIDE_BY_SIDE, "plait-list") as pool:
                return list(zip(named, pool.map(self.find, named), strict=True))
        return [(name, _found(info)) for name, info in named.items()]

    def _walks_alone(self) -> bool:
        """Say whether folders are listed one by one, which is done here: fsspec leaves out those that cannot be listed."""
        from fsspec.asyn import AsyncFileSystem
        from fsspec.spec import AbstractFileSystem

        kind = type(self._system)
        return kind.find is AbstractFileSystem.find or (isinstance(self._system, AsyncFileSystem) and kind._find is AsyncFileSystem._find)  # noqa: SLF001 - whether it is overridden

    def _walked(self, folder: str) -> Iterator[dict[str, Any]]:
        """Yield what the file system says of each file in a folder and those below it."""
        for info in self._system.ls(folder, detail=True):
            inner = info["name"].rstrip("/")
            if inner == folder.rstrip("/") or not inner.startswith(folder.rstrip("/") + "/" if folder.strip("/") else ""):
                if info["type"] != "directory":
                    yield info  # the root is a file
            elif info["type"] != "directory":
                yield info
            elif not posixpath.basename(inner).startswith("."):
                yield from self._walked(info["name"] if self.is_http else inner)

    def _name(self, path: str) -> str | None:
        """Give the name of a file, None of what is hidden, no file, or not below the folder."""
        root = self._root.rstrip("/")
        if self.is_http and any(mark in path for mark in "?#"):  # a page's links to other views of itself
            return None
        below = path.removeprefix(root + "/") if root.strip("/") else path.lstrip("/")
        if below == path and root.strip("/"):
            return posixpath.basename(path) if path.rstrip("/") == root else None
        name = unquote(below) if self.is_http else below
        parts = name.split("/")  # of a bucket's names, any but the last may be empty
        return None if not parts[-1] or any(part.startswith(".") or (self.is_http and not part) for part in parts) else name


class RemoteFile(io.RawIOBase):
    """A file that is read from its first bytes as long as these suffice, and at its place beyond them."""

    name = ""
    """Said by readers of what they read, and so by nobody."""

    def __init__(self, folder: RemoteFolder, name: str, size_bytes: int) -> None:
        super().__init__()
        self._folder, self._name, self._size, self._at = folder, name, size_bytes, 0
        self._head: bytes | Exception = b""
        self._file: IO[bytes] | None = None

    def begin(self) -> RemoteFile:
        """Read the first bytes; what goes wrong is raised when they are asked for."""
        try:
            with self._folder.open(self._name, self._size, block_size=HEAD_BYTES, cache_type="none") as file:
                self._head = _asked(file, 0, min(HEAD_BYTES, self._size))
        except OSError as error:
            self._head = error
        return self

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from anywhere."""
        return True

    def tell(self) -> int:
        """Give the place."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Read on.

        Raises:
            FileNotFoundError: It is gone.
            PermissionError: It may not be read.
            Unreachable: The server does not answer.
        """
        if isinstance(self._head, Exception):
            raise self._head
        end = self._size if size is None or size < 0 else min(self._size, self._at + size)
        part = self._head[self._at : end] if end <= len(self._head) else self._read(self._at, end)
        self._at += len(part)
        return part

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a buffer, which has no type in 3.11
        """Read on into a buffer."""
        part = self.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        """Close it."""
        if self._file is not None:
            self._file.close()
        super().close()

    def _read(self, start: int, end: int) -> bytes:
        if end <= start:
            return b""
        if self._file is None:
            self._file = self._folder.open(self._name, self._size, block_size=_BLOCK_BYTES)
        return _asked(self._file, start, end)


def _asked(file: IO[bytes], start: int, end: int) -> bytes:
    """Read a part of a file, which is asked for at its server only now."""
    try:
        file.seek(start)
        return file.read(end - start)
    except Exception as error:  # noqa: BLE001 - as above
        _raise(error)


@cache
def remote_folder(url: str) -> RemoteFolder:
    """Give a folder by its URL, one of each a process until `forget`."""
    return RemoteFolder(url)


def forget() -> None:
    """Forget what was listed: what is asked for from now on is what is there now."""
    remote_folder.cache_clear()


def begun(url: str, files: Iterable[tuple[str, int]]) -> list[RemoteFile]:
    """Give files of a folder, by name and size, whose first bytes were asked for side by side."""
    folder = remote_folder(url)
    with ThreadPoolExecutor(_SIDE_BY_SIDE, "plait-read") as pool:
        return list(pool.map(lambda file: RemoteFile(folder, *file).begin(), files))


@contextmanager
def answered(root: object) -> Iterator[None]:
    """Read files of a folder, and say where a server does not answer.

    Raises:
        InputFileError: It does not.
    """
    try:
        yield
    except Unreachable as error:
        raise_as_input(str(root), error)


def raise_as_input(url: str, error: Exception) -> NoReturn:
    """Raise what a listing met as an error that tells where, and what to do.

    Raises:
        ConfigError: There is nothing at the URL, or a package is missing.
        InputFileError: The server refuses, or does not answer.
    """
    if isinstance(error, NotOpenable):
        todo = f"Install it: {error.todo}." if error.todo else "Mend 'path' in plait.yaml."
        raise ConfigError(url, expected="a folder that can be listed", got="a URL that nothing here opens", todo=todo) from None
    if isinstance(error, FileNotFoundError):
        raise ConfigError(url, expected="a folder with files", got="nothing", todo="Mend 'path' in plait.yaml. What was read of it before stands.") from None
    got = "no permission" if isinstance(error, PermissionError) else f"no answer ({str(error) or type(error).__name__})"
    todo = "Nothing was committed. See whether the server is there, and the credentials that fsspec finds for it; then run again."
    raise InputFileError(url, expected="a folder that plait may read", got=got, todo=todo) from None
