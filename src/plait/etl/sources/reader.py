"""What a source's reader is: it makes records of files that are no tables (a matrix, an h5ad, a DICOM series).

A reader is the module `reader.py` in the package of a kind. It gives records, as Arrow batches of text, and
nothing else: SELECTs make staged rows of them, and plait numbers, judges and counts them, as it does with
the records of a text file. One file may hold records of several sorts (the samples of a matrix and its
genes): then it is several logical files at one path.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from plait.etl.sources.folder import Source
    from plait.etl.sources.inventory import InputFile

FAULT = "_fault"
"""Column of a reader's records that says why a whole record is rejected; null, or not there, where it is sound."""

OWN_COLUMNS = frozenset({"_pointer", FAULT})
"""Columns that plait adds to the records of every file, which no file can have itself."""

PLACE = "_place"
"""Column of a reader's records that says where in its file a record stands; it is no part of what the record says."""


class Reader(Protocol):
    """Makes records of files that are no tables; stateless, so that any thread or process can ask it."""

    def find_files(self, source: Source, paths: Sequence[Path]) -> list[tuple[str | None, Path]]:
        """Give (logical name, path) for each sort of records in each file, and (None, path) for a file that is not read."""
        ...

    def header(self, source: Source, logical: str, path: Path) -> tuple[str, ...]:
        """Give the columns of a file's records, having read no more of it than that takes.

        Raises:
            InputFileError: The file is not what it should be.
        """
        ...

    def records(self, source: Source, file: InputFile) -> Iterator[pa.RecordBatch]:
        """Yield the file's records in their order: the columns of `header`, all text, and `_fault` where one is bad.

        Raises:
            InputFileError: The file cannot be cut into records.
        """
        ...


def csv_quoting(quote: str) -> dict[str, Any]:
    """Give the options of Python's csv reader for a quote mark, or for files in which quotes mean nothing."""
    return {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE, "quotechar": None}
