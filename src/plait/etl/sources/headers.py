"""What was read of the files of a folder, kept so that a night's new files are read and the others are not.

The records of a file whose size and time are as they were are those that it had. They are kept in order of the files'
names, and read in step with the folder's list: of a folder of millions nothing but that list is in memory.
"""

from __future__ import annotations

import os
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

    from plait.etl.sources.listing import Entry

Record = tuple[str | None, ...]
"""The values of a record's columns, its fault the last."""

_KEY = ("_entry", "_size", "_mtime")
_ROWS = 4096


def kept_records(
    entries: Sequence[Entry], columns: Sequence[str], read: Callable[[Sequence[Entry]], Iterator[list[Record]]], cache: Path | None, version: str
) -> Iterator[pa.RecordBatch]:
    """Yield the records of files in order of name, reading those only that are not known.

    Args:
        entries: The files, in order of name.
        columns: Columns of the records.
        read: Gives the records of each of some files, in their order.
        cache: Where records are kept; None to keep none.
        version: A digest of the code that reads: what another one read counts for nothing.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in columns])
    if cache is None:
        yield from _batches(((entry, records) for entry, records in zip(entries, read(entries), strict=True)), schema)
        return
    keys = _keys(cache, version)
    known = {name for entry in entries if keys.get(name := entry.name) == (entry.size_bytes, entry.stamp)}
    fresh = read([entry for entry in entries if entry.name not in known])
    merged = _merged(entries, known, _stored(cache, len(columns)) if known else iter(()), fresh)
    if len(known) == len(entries) == len(keys):
        yield from _batches(merged, schema)
        return
    cache.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = cache.with_name(f".{cache.name}.{os.getpid()}")
    kept = pa.schema([*((name, pa.string()) for name in _KEY), *schema], metadata={"version": version})
    try:
        with pq.ParquetWriter(temporary, kept, compression="zstd") as writer:
            yield from _batches(merged, schema, writer)
        temporary.replace(cache)
    finally:
        temporary.unlink(missing_ok=True)


def _batches(found: Iterable[tuple[Entry, list[Record]]], schema: pa.Schema, writer: pq.ParquetWriter | None = None) -> Iterator[pa.RecordBatch]:
    """Yield records as batches, and write them with what they are of."""
    rows: list[Record] = []
    keys: list[Record] = []
    for entry, records in found:
        rows += records
        keys += [(entry.name, str(entry.size_bytes), entry.stamp)] * len(records)
        if len(rows) >= _ROWS:
            yield _batch(rows, keys, schema, writer)
            rows, keys = [], []
    if rows:
        yield _batch(rows, keys, schema, writer)


def _batch(rows: list[Record], keys: list[Record], schema: pa.Schema, writer: pq.ParquetWriter | None) -> pa.RecordBatch:
    import pyarrow as pa

    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    if writer is not None:
        told = [pa.array(column, pa.string()) for column in zip(*keys, strict=True)]
        writer.write_batch(pa.record_batch([*told, *columns], schema=writer.schema))
    return pa.record_batch(columns, schema=schema)


def _keys(cache: Path, version: str) -> dict[str, tuple[int, str]]:
    """Give the size and time of each file whose records are kept."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(cache) as file:
            if (file.schema_arrow.metadata or {}).get(b"version") != version.encode():
                return {}
            table = file.read(columns=list(_KEY))
    except (OSError, pa.ArrowInvalid):
        return {}
    return {name: (int(size), stamp) for name, size, stamp in zip(*(column.to_pylist() for column in table.columns), strict=True)}


def _stored(cache: Path, width: int) -> Iterator[tuple[str, list[Record]]]:
    """Yield the kept records of each file, in order of name."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(cache) as file:
        rows = (row for batch in file.iter_batches(_ROWS) for row in zip(*(column.to_pylist() for column in batch.columns), strict=True))
        for name, group in groupby(rows, key=lambda row: str(row[0])):
            yield name, [row[len(_KEY) : len(_KEY) + width] for row in group]


def _merged(
    entries: Sequence[Entry], known: set[str], stored: Iterator[tuple[str, list[Record]]], fresh: Iterator[list[Record]]
) -> Iterator[tuple[Entry, list[Record]]]:
    """Yield the records of each file: those that are kept, or those that are read."""
    for entry in entries:
        if entry.name not in known:
            yield entry, next(fresh)
            continue
        name, records = next(stored)
        while name != entry.name:
            name, records = next(stored)
        yield entry, records
