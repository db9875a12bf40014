"""Which files a source has, what they are, and whether they can be read at all.

Every file is read once, whole, before anything is written: its SHA-256, its encoding, its NUL bytes.
A file of unchanged size and modification time keeps what was found then. What is read later must still
be what was inspected: a file that changes meanwhile stops the run.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import re
import time
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Literal

from plait.errors import ConfigError, InputFileError
from plait.etl.sources.listing import list_folder
from plait.etl.sources.reader import OWN_COLUMNS, csv_quoting
from plait.hashing import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from plait.etl.sources.folder import FileRule, Source

_NOT_ASCII = range(0x80, 0x100)
_CP1252_ONLY = range(0x80, 0xA0)
"""Bytes that are letters in Windows-1252 and control characters in Latin-1."""
_CHUNK_BYTES = 4 << 20
_FORMATS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet"}
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of a source as it was found.

    `file` is its logical name in `source.yaml`, or None where no shape reads it; `name` its path below
    the source's folder; `header` its columns as delivered; `has_nul` says that a record holds a NUL byte;
    `comment_lines` stand above the header. The source's reader makes the records of format `records`.
    Of a folder whose files are one input (`is_folder`) `sha256` is that of their names, sizes and times.
    A file that was written to just before it was read is not `is_settled`: what is written within the same
    tick of the clock leaves its size and time as they are, so that these tell nothing.
    """

    source: str
    file: str | None
    name: str
    path: Path
    size_bytes: int
    mtime_ns: int
    sha256: str
    format: Literal["csv", "parquet", "text", "records", "other"]
    encoding: str
    header: tuple[str, ...]
    delimiter: str
    has_nul: bool
    is_settled: bool = True
    quote: str = '"'
    comment_lines: int = 0
    is_folder: bool = False
    url: str | None = None

    @property
    def root(self) -> Path | str:
        """Where it is: a path, or a URL."""
        return self.url or self.path


def find_files(source: Source) -> list[tuple[str | None, Path]]:
    """Give (logical name or None, path) of every file below the source's path, in order of path, then of those that options name.

    Raises:
        ConfigError: No such folder, or one that cannot be listed; no such file where an option names one.
        InputFileError: A required file is missing.
    """
    if source.url is not None and source.rules.databases and source.reader is not None:
        return source.reader.find_files(source, [])
    if source.url is not None:
        elsewhere: list[tuple[str | None, Path]] = [(name, source.path) for name, rule in source.rules.files.items() if rule.folder]
        return elsewhere + [(name, _named_file(source, name)) for name in source.named]
    root = source.path
    whole = [name for name, rule in source.rules.files.items() if rule.folder]
    try:
        paths = [] if whole else sorted(walk(root)) if root.is_dir() else [root]
        missing = not root.exists()
    except PermissionError as error:
        raise ConfigError(
            error.filename or root, expected="a folder that plait may read", got="no permission", todo="Give the user who runs plait read access."
        ) from None
    if missing:
        raise ConfigError(
            root, expected=f"the files of source '{source.name}'", got="no such file or folder", todo="Mend 'path' in plait.yaml; it is relative to that file."
        )
    named = {path.resolve() for path in source.named.values()}
    paths = [path for path in paths if not named or path.resolve() not in named]
    reader = source.reader
    found = reader.find_files(source, paths) if reader is not None else [(_logical_name(path, root, source), path) for path in paths]
    told = {name for name, _ in found}  # a reader may say which of its sorts of records a folder holds
    found += [(name, root) for name in whole if root.resolve() not in named and not told.intersection(whole)]
    found += [(name, _named_file(source, name)) for name in source.named]
    for name, rule in source.rules.files.items():
        if rule.required and not any(logical == name for logical, _ in found):
            raise InputFileError(
                root / (rule.pattern or f"{name}.csv"),
                expected=f"this file: source '{source.name}' ({source.kind}) cannot do without it",
                got="no such file",
                todo="Deliver it (.csv, .csv.gz or .parquet), or mend 'path' in plait.yaml.",
            )
    return found


def _named_file(source: Source, name: str) -> Path:
    """Give the path of a file that an option names."""
    path, option = source.named[name], source.rules.files[name].option
    if not path.is_file():
        raise ConfigError(
            f"plait.yaml: source '{source.name}', {option}",
            expected="the path of a file, relative to plait.yaml",
            got=f"'{source.options[str(option)]}', where there is none",
            todo="Mend the path, or deliver the file.",
        )
    return path


def inspect(source: Source, logical: str | None, path: Path, known: Callable[[Source, str | None, Path, int, int], InputFile | None]) -> InputFile:
    """Give what `path` is, from `known` where size and time are unchanged.

    Raises:
        InputFileError: Empty, unreadable, a broken gzip, another encoding or delimiter than declared, a
            header without a needed column or with one column twice.
    """
    if logical is not None and source.rules.files[logical].folder:
        return _inspected_folder(source, logical, path)
    now_ns = time.time_ns()
    try:
        stat = path.stat()
        before = known(source, logical, path, stat.st_size, stat.st_mtime_ns)
        if before is not None:
            return before
        with undisturbed(path, stat.st_size, stat.st_mtime_ns):
            found = _inspected(source, logical, path, stat.st_size, stat.st_mtime_ns)
    except PermissionError:
        raise InputFileError(path, expected="a file that plait may read", got="no permission", todo="Give the user who runs plait read access.") from None
    except FileNotFoundError:
        raise _disturbed(path, "one that is gone") from None
    return replace(found, is_settled=stat.st_mtime_ns + _tick_ns(stat.st_mtime_ns) < now_ns)


@contextmanager
def undisturbed(path: Path, size_bytes: int, mtime_ns: int) -> Iterator[None]:
    """Read a file, and fail where it is not of this size and time in the end, whatever else went wrong by then.

    Raises:
        InputFileError: It was written to, or is gone.
    """
    try:
        yield
    finally:
        if not path.exists():
            raise _disturbed(path, "one that is gone") from None
        stat = path.stat()
        if (stat.st_size, stat.st_mtime_ns) != (size_bytes, mtime_ns):
            raise _disturbed(path, "one that was written to") from None


@contextmanager
def as_inspected(file: InputFile) -> Iterator[None]:
    """Read a file, or what stands in a folder, and fail where it is not what was inspected in the end.

    Raises:
        InputFileError: It was written to, or is gone.
    """
    if not file.is_folder:
        with undisturbed(file.path, file.size_bytes, file.mtime_ns):
            yield
        return
    yield
    if (file.url is None and not file.path.exists()) or list_folder(file.root).digest != file.sha256:
        raise _disturbed(file.path, "a folder in which files came, changed or went")


def _disturbed(path: Path, got: str) -> InputFileError:
    """Say that a file did not stay as it was."""
    return InputFileError(
        path, expected="a file that stays as it is while it is read", got=got, todo="Nothing was committed. Run again when the delivery is complete."
    )


def _tick_ns(mtime_ns: int) -> int:
    """Give how long a file's time may stay the same while the file changes: some file systems count whole seconds, or two."""
    return 2_000_000_000 if mtime_ns % 1_000_000_000 == 0 else 50_000_000


def walk(root: Path) -> Iterator[Path]:
    """Yield every file below `root`, hidden ones left out."""
    for path in root.iterdir():
        if path.name.startswith("."):
            continue
        if not path.is_dir():
            yield path
        elif path.resolve() not in root.resolve().parents and path.resolve() != root.resolve():  # else a link that leads back
            yield from walk(path)


def _logical_name(path: Path, root: Path, source: Source) -> str | None:
    """Give which declared file `path` is: by its pattern, or by its stem with or without a number."""
    stem = path.name.lower().removesuffix(".gz")
    suffix = "." + stem.rpartition(".")[2]
    stem = stem.removesuffix(suffix)
    for name, rule in source.rules.files.items():
        if rule.pattern is None and suffix in _FORMATS and (path == root or re.fullmatch(rf"{re.escape(name.lower())}(?:[._-]\d+)*", stem)):
            return name
    for name, rule in source.rules.files.items():
        if rule.pattern is not None and path != root and fnmatch(str(path.relative_to(root)), rule.pattern.replace("**/", "*")):
            return name
    return None


def _inspected(source: Source, logical: str | None, path: Path, size: int, mtime_ns: int) -> InputFile:
    """Read `path` whole and say what it is."""
    suffix = "." + path.name.lower().removesuffix(".gz").rpartition(".")[2]
    name = str(path.relative_to(source.path)) if path != source.path and path.is_relative_to(source.path) else path.name
    rule = source.rules.files[logical] if logical is not None else None
    if rule is not None and rule.reader and source.reader is not None and logical is not None:
        header = source.reader.header(source, logical, path)
        return InputFile(source.name, logical, name, path, size, mtime_ns, sha256_of(path), "records", "binary", header, source.delimiter, has_nul=False)
    kind: Literal["csv", "parquet", "text", "other"] = "text" if rule is not None and rule.text else _FORMATS.get(suffix, "other")  # type: ignore[assignment]
    if size == 0 and rule is not None and not rule.text:
        raise InputFileError(
            path, expected="a header and records", got="an empty file", todo="Deliver it again; a delivery without records still has its header."
        )
    if rule is None or kind not in {"csv", "text"}:
        sha256 = sha256_of(path)
        header = tuple(source.renamed.get(name.lower(), name) for name in _parquet_header(path)) if kind == "parquet" and rule is not None else ()
        found = InputFile(source.name, logical, name, path, size, mtime_ns, sha256, kind, "binary", header, source.delimiter, has_nul=False)
    else:
        encoding, delimiter, quote = source.layout_of(logical)
        scan = _Scan(path, encoding)
        if source.rules.detects and kind == "csv":
            delimiter, quote = _layout(scan.head, source)
        layout = (encoding, rule.comment, delimiter, quote)
        comments, header = _header(path, scan.head, source, layout) if kind == "csv" else (0, ())
        found = InputFile(
            source.name,
            logical,
            name,
            path,
            size,
            mtime_ns,
            scan.sha256,
            kind,
            encoding,
            header,
            delimiter,
            has_nul=scan.has_nul,
            quote=quote,
            comment_lines=comments,
        )
    if rule is not None and kind != "text":
        _check_header(found, rule, source)
    return found


def _inspected_folder(source: Source, logical: str, path: Path) -> InputFile:
    """Say what stands in a folder whose files are one input."""
    assert source.reader is not None  # noqa: S101 - only a kind with a reader has such files
    try:
        listing = list_folder(source.root)
    except PermissionError:
        raise InputFileError(path, expected="a folder that plait may read", got="no permission", todo="Give the user who runs plait read access.") from None
    header = source.reader.header(source, logical, path)
    return InputFile(
        source.name,
        logical,
        path.name,
        path,
        listing.size_bytes,
        listing.mtime_ns,
        listing.digest,
        "records",
        "binary",
        header,
        source.delimiter,
        has_nul=False,
        is_folder=True,
        url=source.url,
    )


def check_text(path: Path, encoding: str) -> None:
    """Fail where a file is not text in its encoding, or is a broken gzip.

    Raises:
        InputFileError: Names the first bad byte, and the likely encoding.
    """
    _Scan(path, encoding)


class _Scan:
    """One pass over the bytes of a text file: hash, encoding, NULs, and its first bytes."""

    def __init__(self, path: Path, encoding: str) -> None:
        self.path, self.encoding = path, encoding
        self.has_nul = False
        self.head = b""
        self._digest = hashlib.sha256()
        try:
            decoder = codecs.getincrementaldecoder(encoding)()
        except LookupError:
            raise ConfigError(path, expected="an encoding that Python knows", got=f"'{encoding}'", todo="Mend 'encoding'.") from None
        position = 0
        with path.open("rb") as raw:
            for chunk in self._text_chunks(raw):
                if not self.head:
                    self.head = chunk
                    self._check_width(chunk)
                if not self.has_nul and not self._is_wide:
                    self.has_nul = b"\0" in chunk
                self._check(decoder, chunk, position)
                position += len(chunk)
        self._check(decoder, b"", position, final=True)
        self.sha256 = self._digest.hexdigest()

    def _text_chunks(self, raw: io.BufferedReader) -> Iterator[bytes]:
        """Yield the (decompressed) bytes, hashing the bytes on disk."""
        if not self.path.name.lower().endswith(".gz"):
            while chunk := raw.read(_CHUNK_BYTES):
                self._digest.update(chunk)
                yield chunk
            return
        self._digest = hashlib.file_digest(raw, "sha256")
        raw.seek(0)
        try:
            with gzip.GzipFile(fileobj=raw) as plain:
                while chunk := plain.read(_CHUNK_BYTES):
                    yield chunk
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputFileError(
                self.path, expected="a whole gzip file", got=f"a broken one ({error})", todo="Transfer it again; compare its checksum with the sender's."
            ) from None

    @property
    def _is_wide(self) -> bool:
        """Whether the encoding writes NUL bytes of its own."""
        return codecs.lookup(self.encoding).name.startswith(("utf-16", "utf-32"))

    def _check_width(self, head: bytes) -> None:
        """Fail where every other byte is NUL: UTF-16 without its mark is sound UTF-8 of another meaning."""
        order = next((order for order, first in (("be", 0), ("le", 1)) if not any(head[first:64:2])), None)
        if order is not None and len(head) > 1 and not self._is_wide:
            raise InputFileError(
                f"{self.path}, byte 0x00 at offset {0 if order == 'be' else 1}",
                expected=f"{self.encoding.upper()} text",
                got=f"what looks like UTF-16 (encoding: utf-16-{order})",
                todo="Declare the file's 'encoding' for this source in plait.yaml, or deliver UTF-8.",
            )

    def _check(self, decoder: codecs.IncrementalDecoder, chunk: bytes, position: int, *, final: bool = False) -> None:
        """Fail where the bytes are not in the declared encoding, naming the place and the likely encoding."""
        if chunk.isascii() and decoder.getstate()[0] == b"" and self.encoding.lower() in {"utf-8", "utf8", "utf-8-sig", "ascii", "latin-1"}:
            return
        try:
            decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            offset = position + error.start
            byte = f"byte 0x{error.object[error.start]:02X}" if error.start < len(error.object) else "an end in the middle of a character"
            raise InputFileError(
                f"{self.path}, {byte} at offset {offset:,}",
                expected=f"{self.encoding.upper()} text",
                got=f"what looks like {_likely_encoding(self.head, error.object)}",
                todo="Declare the file's 'encoding' for this source in plait.yaml, or deliver UTF-8.",
            ) from None


def _likely_encoding(head: bytes, near: bytes) -> str:
    """Name the encoding that bytes which are not UTF-8 most likely have."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16 (encoding: utf-16)"
    high = [byte for byte in near if byte in _NOT_ASCII]
    if any(byte in _CP1252_ONLY for byte in high):
        return "Windows-1252 (encoding: cp1252)"
    return "Latin-1 (encoding: latin-1)"


def _layout(head: bytes, source: Source) -> tuple[str, str]:
    """Give what separates a file's fields and what quotes them: as declared, or, where the source detects it, as its first lines show."""
    if not source.rules.detects:
        return source.delimiter, source.rules.quote
    text = codecs.getincrementaldecoder(source.encoding)(errors="ignore").decode(head)
    return detected_layout(text, source.delimiter, source.rules.quote)


def detected_layout(head: str, preferred: str, quote: str = '"') -> tuple[str, str]:
    """Give what separates fields and what quotes them in a file that begins so.

    Of the marks that separate fields the one that the header has most of; fields between tabs have no quotes (so Athena writes them),
    unless some field there begins and ends with one.
    """
    lines = head.removeprefix("\ufeff").splitlines()
    lines = lines[:-1] or lines
    first = lines[0] if lines else ""
    delimiter = max(_DELIMITERS, key=lambda mark: (first.count(mark), mark == preferred))
    if delimiter != "\t":
        return delimiter, quote
    is_quoted = any(len(field) > 1 and field[0] == field[-1] == '"' for line in lines for field in line.split("\t"))
    return delimiter, quote if is_quoted else ""


def _header(path: Path, head: bytes, source: Source, layout: tuple[str, str | None, str, str]) -> tuple[int, tuple[str, ...]]:
    """Give how many lines of comment stand on top, and the column names in the first record below them.

    `layout` is the encoding, what begins a comment, what separates fields and what quotes them.
    """
    encoding, comment, delimiter, quote = layout
    decoder = codecs.getincrementaldecoder(encoding)(errors="ignore")
    lines = io.StringIO(decoder.decode(head).removeprefix("\ufeff"), newline="").readlines()
    comments = next((number for number, line in enumerate(lines) if comment is None or not line.startswith(comment)), len(lines))
    try:
        names = next(csv.reader(lines[comments:], delimiter=delimiter, **csv_quoting(quote)))
    except (StopIteration, csv.Error):
        raise InputFileError(path, expected="a header in the first record", got="none that can be read", todo="Deliver the file with its header.") from None
    return comments, tuple(source.renamed.get(name.strip().lower(), name.strip()) for name in names)


def _parquet_header(path: Path) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tuple(pq.read_schema(path).names)
    except (pa.ArrowInvalid, OSError):
        raise InputFileError(path, expected="a Parquet file", got="something else, or a truncated one", todo="Deliver it again.") from None


def _check_header(file: InputFile, rule: FileRule, source: Source) -> None:
    """Fail where a needed column is missing, naming a wrong delimiter where that is why."""
    have = [name.lower() for name in file.header]
    twice = sorted({name for name in have if name and have.count(name) > 1})
    if twice:
        raise InputFileError(
            f"{file.path}:1",
            expected="every column once",
            got=f"one name at columns {', '.join(str(n + 1) for n, name in enumerate(have) if name == twice[0])}",
            todo="Mend the header.",
        )
    taken = sorted(OWN_COLUMNS.intersection(have))
    if taken:
        raise InputFileError(
            f"{file.path}:1", expected="columns with names of their own", got=f"'{taken[0]}', which plait gives to a record", todo="Rename the column."
        )
    for need in rule.needs:
        choices = (need,) if isinstance(need, str) else need
        if any(name.lower() in have for name in choices):
            continue
        other = next((mark for mark in _DELIMITERS if mark != file.delimiter and len(file.header) == 1 and mark in file.header[0]), None)
        if other is not None and file.format == "csv":
            raise InputFileError(
                f"{file.path}:1",
                expected=f"columns separated by {_DELIMITERS.get(file.delimiter, file.delimiter)}",
                got=f"a header separated by {_DELIMITERS[other]}",
                todo=f"Declare 'delimiter: {other!r}' for this source in plait.yaml.",
            )
        raise InputFileError(
            f"{file.path}:1",
            expected=f"a column {' or '.join(choices)}, which source '{source.name}' ({source.kind}) cannot do without",
            got=_known_columns(file, rule),
            todo="Deliver the column, or declare in a source folder of your own how this file is laid out.",
        )


def _known_columns(file: InputFile, rule: FileRule) -> str:
    """Say what the header holds without repeating it: a file without a header would show a patient."""
    known = {name.lower() for name in (*rule.columns, *rule.ignored)}
    have = [name for name in file.header if name.lower() in known]
    return f"{len(file.header)} columns, {'of which it knows ' + ', '.join(have) if have else 'none of which it knows (is the header missing?)'}"
