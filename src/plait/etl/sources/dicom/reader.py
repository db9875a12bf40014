"""Reads DICOM files: a record for each file below a folder, and for each member of a ZIP archive, by its header alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.etl.own_code import code_digest
from plait.etl.sources.dicom.headers import COLUMNS, read_all
from plait.etl.sources.headers import kept_records
from plait.etl.sources.listing import folder_of, list_folder
from plait.etl.sources.reader import FAULT
from plait.etl.sources.remote import answered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from plait.etl.sources.folder import Source
    from plait.etl.sources.inventory import InputFile


def find_files(source: Source, paths: Sequence[Path]) -> list[tuple[str | None, Path]]:
    """Give nothing: the folder is one input."""
    del source, paths
    return []


def header(source: Source, logical: str, path: Path) -> tuple[str, ...]:
    """Give the columns of the records."""
    del source, logical, path
    return COLUMNS


def records(source: Source, file: InputFile) -> Iterator[pa.RecordBatch]:
    """Yield a record for each file, in order of name; what is known of it is not read again."""
    folder = folder_of(file.root)
    version = code_digest(*(("plait.etl.sources.dicom", name) for name in ("headers.py", "content.py")))
    with answered(file.root):
        yield from kept_records(list_folder(file.root).entries, (*COLUMNS, FAULT), lambda some: read_all(folder, some), source.cache, version)
