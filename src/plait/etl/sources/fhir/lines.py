"""Lines and documents of JSON files as Arrow arrays: cut by their bytes, numbered by the line they stand on.

A line is not copied and no Python runs for it: the array is the file's bytes with the places of its line feeds.
"""

from __future__ import annotations

import gzip
import zlib
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np
import pyarrow as pa

from plait.errors import InputFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from plait.etl.sources.listing import Entry

BLOCK_BYTES = 16 << 20
"""How much text is read, and given to the engine, at once; one longer line makes its block longer."""
LONGEST_BYTES = 1 << 30
"""What a line, or a document of many lines, must be shorter than: the engine keeps it in memory whole."""

SCHEMA = pa.schema([("n", pa.int64()), ("place", pa.string()), ("body", pa.large_string()), ("fault", pa.string())])
"""A line: its number over all files, `FILE:LINE`, its text, and why it cannot be read. A file that is no JSON is one line without text."""

_SUFFIXES = (".ndjson", ".jsonl", ".json")
_MARKS = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def is_json(name: str) -> bool:
    """Tell whether a file is read, by its name."""
    return name.lower().removesuffix(".gz").endswith(_SUFFIXES)


def blocks(folder: Path, entries: Iterable[Entry], attachments: str | None) -> Iterator[pa.Table]:
    """Yield the lines of all files of a folder, in blocks of many small files or of parts of a large one.

    Args:
        folder: The folder that the files are below.
        entries: The files, in order of name.
        attachments: Name of the folder below it whose files are texts of documents; those are no lines.

    Raises:
        InputFileError: A file is no UTF-8 text, a broken gzip, or has a line or document of more than 1 GiB.
    """
    held: list[pa.Table] = []
    number = size = 0
    for entry in entries:
        if attachments is not None and entry.name.startswith(f"{attachments.strip('/')}/"):
            continue
        parts = iter([(0, None)]) if entry.is_outside or not is_json(entry.name) else _parts(folder / entry.name)
        for first, texts in parts:
            part = _table(entry.name, first, texts, number)
            number += part.num_rows
            size += texts.nbytes if texts is not None else 0
            held.append(part)
            if size >= BLOCK_BYTES:
                yield pa.concat_tables(held)
                held, size = [], 0
    if held:
        yield pa.concat_tables(held)


def _table(name: str, first: int, texts: pa.LargeStringArray | None, number: int) -> pa.Table:
    """Give the lines of a part of a file with where they stand."""
    import pyarrow.compute as pc

    if texts is None:
        return pa.table([pa.array([number]), [name], pa.nulls(1, pa.large_string()), pa.nulls(1, pa.string())], schema=SCHEMA)
    lines = pa.array(np.arange(first, first + len(texts), dtype=np.int64)).cast(pa.string())
    places = pc.binary_join_element_wise(pa.scalar(name), lines, ":")
    numbers = pa.array(np.arange(number, number + len(texts), dtype=np.int64))
    bodies, faults = (texts, pa.nulls(len(texts), pa.string())) if isinstance(texts, pa.LargeStringArray) else _mended(texts)
    return pa.table([numbers, places, bodies, faults], schema=SCHEMA)


def _mended(texts: pa.LargeBinaryArray) -> tuple[pa.LargeStringArray, pa.StringArray]:
    """Give lines some of which are no UTF-8: those with a fault, and what cannot be read of them replaced."""
    found = [(text.decode("utf-8", "replace"), text) for text in texts.to_pylist()]
    bodies = pa.array([body for body, _ in found], pa.large_string())
    return bodies, pa.array([None if body.encode("utf-8") == text else "invalid_encoding" for body, text in found], pa.string())


def _parts(path: Path) -> Iterator[tuple[int, pa.LargeStringArray | pa.LargeBinaryArray]]:
    """Yield (number of the first line, lines) for each part of a file; a document of many lines is one, as is each line otherwise."""
    try:
        with ExitStack() as stack:
            raw: BinaryIO = stack.enter_context(path.open("rb"))
            file = stack.enter_context(cast("BinaryIO", gzip.GzipFile(fileobj=raw))) if path.name.lower().endswith(".gz") else raw
            head = _unmarked(path, file.read(BLOCK_BYTES))
            if path.name.lower().removesuffix(".gz").endswith(".json") and not _has_lines(head):
                yield from _document(path, file, head)
            else:
                yield from _lines(path, file, head)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputFileError(
            path, expected="a whole gzip file", got=f"a broken one ({error})", todo="Transfer it again; compare its checksum with the sender's."
        ) from None


def _unmarked(path: Path, head: bytes) -> bytes:
    """Give the first bytes of a file without a byte order mark."""
    mark = next((mark for mark in _MARKS if head.startswith(mark)), b"")
    if _MARKS.get(mark) == "UTF-16" or (len(head) > 1 and 0 in head[:2]):
        raise InputFileError(path, expected="UTF-8, as FHIR's JSON is", got="what looks like UTF-16", todo="Convert the file to UTF-8.")
    return head[len(mark) :]


def _has_lines(head: bytes) -> bool:
    """Tell whether the first line that is not blank is a JSON value of its own."""
    import duckdb

    first = head.lstrip().partition(b"\n")
    if not first[1]:
        return False
    with duckdb.connect() as con:
        row = con.execute("SELECT json_valid($line)", {"line": first[0].decode("utf-8", "replace")}).fetchone()
    return row == (True,)


def _document(path: Path, file: BinaryIO, head: bytes) -> Iterator[tuple[int, pa.LargeStringArray | pa.LargeBinaryArray]]:
    """Yield a file as one text."""
    text = head + file.read(LONGEST_BYTES - len(head))
    if len(text) >= LONGEST_BYTES:
        raise _too_long(path)
    yield 1, _array(text, np.array([0, len(text)], dtype=np.int64))


def _lines(path: Path, file: BinaryIO, head: bytes) -> Iterator[tuple[int, pa.LargeStringArray | pa.LargeBinaryArray]]:
    """Yield the lines of a file, part by part; a part ends with the last line feed in what was read."""
    number, chunk, rest = 1, head, b""
    while chunk:
        text = rest + chunk
        cut = text.rfind(b"\n") + 1
        if cut:
            ends = np.flatnonzero(np.frombuffer(text, np.uint8, cut) == ord("\n")) + 1
            yield number, _array(text, np.concatenate(([0], ends)).astype(np.int64))
            number += len(ends)
        rest = text[cut:]
        if len(rest) >= LONGEST_BYTES:
            raise _too_long(path)
        chunk = file.read(max(BLOCK_BYTES, len(rest)))
    if rest:
        yield number, _array(rest, np.array([0, len(rest)], dtype=np.int64))


def _array(text: bytes, offsets: np.ndarray) -> pa.LargeStringArray | pa.LargeBinaryArray:
    """Give texts that stand in `text` one behind the other; as bytes where some are no UTF-8."""
    try:
        str(memoryview(text)[: offsets[-1]], "utf-8")
        kind = pa.large_string()
    except UnicodeDecodeError:
        kind = pa.large_binary()
    return pa.Array.from_buffers(kind, len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(text)])


def _too_long(path: Path) -> InputFileError:
    return InputFileError(
        path, expected="lines, and documents, of less than 1 GiB", got="a longer one", todo="Deliver bulk data as NDJSON, one resource a line."
    )
