"""Lines of text files, and what JSON says behind its escapes."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any

from plait.export.scanning.contents import Content

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 8 << 20
_LONGEST_DOCUMENT = 256 << 20
"""Bytes of a JSON document that is read as a whole; of a longer one, lines are looked at as they stand."""
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def plain(path: Path, place: str) -> Iterator[Content]:
    """Yield the lines of a text, in UTF-8, in UTF-16 with a mark, else as Windows-1252."""
    encoding = _encoding(path)
    rest = ""
    with path.open(encoding=encoding, errors="replace", newline=None) as stream:
        while chunk := stream.read(_CHUNK):
            whole, _, rest = (rest + chunk).rpartition("\n")
            if whole:
                yield _lines(whole, place)
    if rest:
        yield _lines(rest, place)


def unnamed(path: Path, place: str) -> Iterator[Content]:
    """Yield the lines of a file whose name says nothing of its kind, if it is a text."""
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            if b"\0" in chunk:
                yield Content(place, None)
                return
    if _encoding(path) == "cp1252":
        yield Content(place, None)
        return
    yield from plain(path, place)


def notation(path: Path, place: str) -> Iterator[Content]:
    """Yield the lines of JSON, and its texts as they are meant where signs are escaped."""
    import polars as pl

    yield from plain(path, place)
    if path.suffix in {".ndjson", ".jsonl"}:
        with path.open(encoding="utf-8") as stream:
            while lines := stream.readlines(_CHUNK):
                meant = [text for line in lines if "\\" in line for text in _strings(json.loads(line))]
                yield Content(place, pl.Series("text", meant, pl.String), is_metadata=True)
    elif path.stat().st_size <= _LONGEST_DOCUMENT:
        text = path.read_text(encoding="utf-8-sig")
        if "\\" in text:
            yield Content(place, pl.Series("text", list(_strings(json.loads(text))), pl.String), is_metadata=True)


def _encoding(path: Path) -> str:
    """Give what a text is written in."""
    with path.open("rb") as stream:
        head = stream.read(4)
        for mark, encoding in _MARKS.items():
            if head.startswith(mark):
                return encoding
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(head)
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def _lines(text: str, place: str) -> Content:
    import polars as pl

    return Content(place, pl.Series("line", text.split("\n"), pl.String), is_metadata=True)


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 - whatever JSON holds
    """Yield every text of a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
