"""The texts that documents attach in another encoding than UTF-8, or by the name of a file below the study's own folder of them.

The engine reads what is inline and UTF-8, which is nearly all there is; these are the others, one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from pathlib import Path

    from plait.etl.sources.folder import Source

TEXT = ("_text", "_text_rule", "_text_fault")
"""Columns of a document: its text, the rule by which it gives no note, and why its text cannot be read."""

_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_texts(source: Source, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Give a batch of documents with the texts that the engine could not read (`TEXT`, from `_content`, `_charset` and `_url`)."""
    columns = {name: batch.column(name) for name in batch.schema.names}
    open_rows = pc.and_(pc.and_(pc.is_null(columns["_text"]), pc.is_null(columns["_text_rule"])), pc.is_null(columns["_text_fault"]))
    rows = pc.indices_nonzero(open_rows).to_pylist()
    if rows:
        texts = {name: columns[name].to_pylist() for name in TEXT}
        for row in rows:
            content, url = columns["_content"][row].as_py(), columns["_url"][row].as_py()
            text, rule, fault = _decoded(content, columns["_charset"][row].as_py()) if url is None else _named(source, url, columns["_charset"][row].as_py())
            texts["_text"][row], texts["_text_rule"][row], texts["_text_fault"][row] = text, rule, fault
        columns |= {name: pa.array(values, pa.string()) for name, values in texts.items()}
    return pa.record_batch(list(columns.values()), names=list(columns))


def _decoded(content: bytes | None, charset: str | None) -> tuple[str | None, str | None, str | None]:
    """Give (text, rule, fault) of bytes."""
    encoding = "utf-16" if content is not None and content.startswith(_MARKS) else charset or "utf-8"
    try:
        return (content or b"").decode(encoding), None, None
    except (UnicodeDecodeError, LookupError):
        return None, None, "invalid_encoding"


def _named(source: Source, url: str, charset: str | None) -> tuple[str | None, str | None, str | None]:
    """Give (text, rule, fault) of the file that a URL names below the declared folder; nothing is fetched from elsewhere."""
    parts = urlsplit(url)
    declared = source.options.get("attachments")
    if parts.scheme not in {"", "file"} or (parts.netloc and parts.scheme != "file") or declared is None:
        return None, "attachment_elsewhere", None
    root = (source.path / str(declared)).resolve()
    path = _below(source, root, unquote(parts.path))
    if path is None:
        return None, None, "attachment_outside_root"
    try:
        return _decoded(path.read_bytes(), charset)
    except OSError:
        return None, None, "missing_file"


def _below(source: Source, root: Path, name: str) -> Path | None:
    """Give the file that a path means: below the folder of attachments, or the source's; None where it leads out of the former."""
    try:
        tried = [(root / name).resolve(), (source.path / name).resolve()]
    except (OSError, ValueError):
        return None
    return next((path for path in tried if path.is_relative_to(root) and path.is_file()), None) or next(
        (path for path in tried if path.is_relative_to(root)), None
    )
