"""How a raw file is written: encoding, delimiter, quote, header; found by looking at it, and not by asking."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from plait.etl.sources.reader import OWN_COLUMNS, csv_quoting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK_BYTES = 4 << 20
_HEAD_BYTES = 1 << 20
_HEAD_RECORDS = 1_000
"""Records of the head that a delimiter is tried on."""

_DELIMITERS = (",", ";", "\t", "|", "^", "~", "\x1f", "\x01")
_QUOTES = ('"', "'", "")
_SOUND = 0.98
"""Share of records that must have as many fields as the header."""

_BOMS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_ASCII = bytes(range(0x80))
_CP1252_ONLY = frozenset(range(0x80, 0xA0)) - {0x81, 0x8D, 0x8F, 0x90, 0x9D}
"""Bytes that are letters in Windows-1252 and control characters in Latin-1."""

_NO_NAME = re.compile(r"[\d\s.,:/+-]*")
"""What is no name of a column: a number, a date, a time."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A raw file as it is written.

    Attributes:
        path: Where it is.
        name: Its path below the folder that was looked at.
        format: `csv` (delimited text), `parquet`, or `other`, which no SELECT can read.
        encoding: Of its text.
        delimiter: What separates its columns.
        quote: What stands around a text that holds the delimiter; empty if nothing does.
        comment: What begins the lines above its header.
        comment_lines: How many they are.
        header: Its columns.
        has_nul: Whether it holds a NUL byte.
        problem: Why plait cannot read it as it is; None where it can.
    """

    path: Path
    name: str
    format: Literal["csv", "parquet", "other"]
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    comment: str | None = None
    comment_lines: int = 0
    header: tuple[str, ...] = ()
    has_nul: bool = False
    problem: str | None = None

    @property
    def stem(self) -> str:
        """Its name without folder and endings."""
        base = self.name.rpartition("/")[2]
        base = base[:-3] if base.lower().endswith(".gz") else base
        return base.rpartition(".")[0] or base


def look_at(path: Path, root: Path) -> Layout:
    """Give how a file is written. A text is read whole, since one letter at its end may tell the encoding."""
    name = path.relative_to(root).as_posix() if path != root else path.name
    suffix = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if suffix == "parquet":
        return _parquet(path, name)
    if suffix not in {"csv", "tsv", "txt"}:
        return Layout(path, name, "other", problem=f"a file that ends in .{suffix} is no table that SELECTs can read" if suffix else "its name has no ending")
    found = Layout(path, name, "csv")
    try:
        text = _Bytes(path)
    except (OSError, EOFError, zlib.error) as error:
        return replace(found, problem=f"it cannot be read ({type(error).__name__}): deliver it again")
    if not text.head:
        return replace(found, problem="it is empty; a delivery without records still has its header")
    found = replace(found, encoding=text.encoding, has_nul=text.has_nul)
    head = codecs.getincrementaldecoder(text.encoding)(errors="ignore").decode(text.head).removeprefix("\ufeff")
    return _table(found, head, whole=text.size_bytes <= _HEAD_BYTES)


class _Bytes:
    """One pass over the (decompressed) bytes of a file: its size, its head, its encoding, its NULs."""

    def __init__(self, path: Path) -> None:
        self.size_bytes, self.head, self.has_nul = 0, b"", False
        is_utf8, decoder = True, codecs.getincrementaldecoder("utf-8")()
        high: set[int] = set()
        for chunk in _chunks(path):
            self.head += chunk[: _HEAD_BYTES - len(self.head)] if len(self.head) < _HEAD_BYTES else b""
            self.size_bytes += len(chunk)
            self.has_nul = self.has_nul or b"\0" in chunk
            if is_utf8 and not (chunk.isascii() and not decoder.getstate()[0]):
                is_utf8 = _decodes(decoder, chunk)
            if not is_utf8 or not chunk.isascii():
                high.update(chunk.translate(None, _ASCII))
        is_utf8 = is_utf8 and _decodes(decoder, b"", final=True)
        self.encoding = _encoding(self.head, high, is_utf8=is_utf8)
        if self.encoding.startswith(("utf-16", "utf-32")):
            self.has_nul = False


def _chunks(path: Path) -> Iterator[bytes]:
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    with opener(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _encoding(head: bytes, high: set[int], *, is_utf8: bool) -> str:
    """Give the encoding that bytes are in, by their mark, by what they are not, and by which ones there are."""
    marked = next((encoding for mark, encoding in _BOMS if head.startswith(mark)), None)
    if marked is not None:
        return marked
    if len(head) > 1 and not any(head[0:64:2]):
        return "utf-16-be"
    if len(head) > 1 and not any(head[1:64:2]):
        return "utf-16-le"
    if is_utf8:
        return "utf-8"
    undefined = high & set(range(0x80, 0xA0)) - _CP1252_ONLY
    return "cp1252" if high & _CP1252_ONLY and not undefined else "latin-1"


def _table(found: Layout, head: str, *, whole: bool) -> Layout:
    """Find the lines of comment, the delimiter, the quote and the header in the head of a text."""
    lines = io.StringIO(head, newline="").readlines()
    if not whole and len(lines) > 1:
        lines.pop()
    comments = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if comments:
        found = replace(found, comment="#", comment_lines=comments)
    best: tuple[float, int] | None = None
    for quote in _QUOTES:
        for delimiter in _DELIMITERS:
            score = _score(lines[comments:], delimiter, quote)
            if score is not None and (best is None or score[:2] > best):
                best = score[:2]
                found = replace(found, delimiter=delimiter, quote=quote, header=score[2])
        if best is not None and best[0] >= _SOUND:
            break
    if best is None:
        return replace(found, problem="its first record cannot be read as a header")
    return replace(found, problem=_fault(found.header))


def _score(lines: list[str], delimiter: str, quote: str) -> tuple[float, int, tuple[str, ...]] | None:
    """Give how well a delimiter and a quote fit: the share of records as long as the header, its length, and the header itself."""
    if quote == "'" and not any(f"{delimiter}'" in line or line.startswith("'") for line in lines[:_HEAD_RECORDS]):
        return None
    records: list[list[str]] = []
    try:
        for fields in csv.reader(lines, delimiter=delimiter, strict=True, **csv_quoting(quote)):
            if fields:
                records.append(fields)
            if len(records) > _HEAD_RECORDS:
                break
    except csv.Error:
        if len(records) < _HEAD_RECORDS // 10:  # else the head ended within a quote
            return None
    if not records:
        return None
    header = tuple(name.strip() for name in records[0])
    share = sum(len(record) == len(header) for record in records[1:]) / max(1, len(records) - 1) if len(records) > 1 else 1.0
    return (round(share, 2) if len(header) > 1 else 0.0), len(header), header


def _fault(header: tuple[str, ...]) -> str | None:
    """Give what is wrong with a header, None where it can be one."""
    named = [name.lower() for name in header if name]
    if not named or sum(_NO_NAME.fullmatch(name) is not None for name in header) > len(header) / 2:
        return "its first record is no header: give it one"
    return _clash(header)


def _clash(header: tuple[str, ...]) -> str | None:
    """Give what is wrong with the names of columns, None where they tell them apart."""
    named = [name.lower() for name in header if name]
    if len(set(named)) < len(named):
        return "its header has one name twice: mend it"
    if OWN_COLUMNS.intersection(named):
        return f"its header has a name that plait gives to a record ({' or '.join(sorted(OWN_COLUMNS))}): rename the column"
    return None


def _parquet(path: Path, name: str) -> Layout:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        header = tuple(pq.read_schema(path).names)
        return Layout(path, name, "parquet", encoding="binary", header=header, problem=_clash(header))
    except (pa.ArrowInvalid, OSError):
        return Layout(path, name, "parquet", problem="it is no Parquet file, or a truncated one: deliver it again")
