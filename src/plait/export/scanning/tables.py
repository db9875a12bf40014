"""Texts of tables: of every column and of whatever is nested in it, of what columns are called, and of a file's own metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.duck import connect, literal, one_file
from plait.export.scanning.contents import Content, names
from plait.export.scanning.finder import IDENTIFIERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl
    import pyarrow as pa

_ROWS = 1 << 16
_OWN_METADATA = b"ARROW:schema"
"""Key under which Arrow keeps a schema in Parquet; the schema is looked at as such."""


def parquet(path: Path, place: str) -> Iterator[Content]:
    """Yield the texts of a Parquet file, a column after the other in batches."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        own = {key: value for key, value in (file.metadata.metadata or {}).items() if key != _OWN_METADATA}
        yield _metadata(f"{place}, metadata", [own, schema.metadata or {}, *(field.metadata or {} for field in schema)])
        labels = [name for field in schema for name in _labels(field)]
        yield names(f"{place}, the column's name", labels)
        for field in schema:
            if not _may_identify(field):
                continue
            for batch in file.iter_batches(batch_size=_ROWS, columns=[field.name]):
                for column in range(batch.num_columns):  # a nested column is read as a whole
                    yield from _leaves(batch.column(column), f"{place}, column {field.name}", field.name)


def delimited(path: Path, place: str) -> Iterator[Content]:
    """Yield the texts of a CSV or TSV file, a column after the other in batches."""
    import polars as pl

    con = connect()
    try:
        reader = con.execute(f"FROM read_csv({literal(one_file(path))}, hive_partitioning = false, header = true, all_varchar = true)").to_arrow_reader(_ROWS)
        yield names(f"{place}, the column's name", reader.schema.names)
        for batch in reader:
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                texts = pl.Series(name, column, pl.String)
                is_number = bool(texts.str.contains(r"^-?\d+$").all())
                if not is_number or IDENTIFIERS.search(name):
                    yield Content(f"{place}, column {name}", texts, is_number=is_number)
    finally:
        con.close()


def _metadata(place: str, found: list[dict[bytes, bytes]]) -> Content:
    """Give keys and values of metadata as texts."""
    texts = [text.decode("utf-8", "replace") for each in found for pair in each.items() for text in pair]
    content = names(place, texts)
    return Content(content.place, content.texts, is_metadata=True)


def _labels(field: pa.Field) -> Iterator[str]:
    """Yield what a column and its parts are called."""
    yield field.name
    for part in range(field.type.num_fields):
        yield from _labels(field.type.field(part))


def _may_identify(field: pa.Field) -> bool:
    """Tell whether a column may have a text, or a number that is an identifier."""
    import pyarrow as pa

    kind = field.type
    if pa.types.is_dictionary(kind):
        return True
    if pa.types.is_integer(kind):
        return IDENTIFIERS.search(field.name) is not None
    if kind.num_fields:
        return any(_may_identify(kind.field(part)) for part in range(kind.num_fields))
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or _is_binary(kind)


def _is_binary(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind))


def _leaves(array: pa.Array, place: str, name: str) -> Iterator[Content]:
    """Yield the texts of a column, and of those within it."""
    import polars as pl
    import pyarrow as pa

    kind = array.type
    if pa.types.is_dictionary(kind):
        yield from _leaves(array.dictionary_decode(), place, name)
    elif pa.types.is_struct(kind):
        for part, child in zip(kind, array.flatten(), strict=True):
            yield from _leaves(child, f"{place}.{part.name}", part.name)
    elif pa.types.is_map(kind):
        yield from _leaves(array.keys, place, name)
        yield from _leaves(array.items, place, name)
    elif kind.num_fields:
        yield from _leaves(array.flatten(), place, name)
    elif _is_binary(kind):
        yield Content(place, _decoded(array))
    elif pa.types.is_integer(kind):
        if IDENTIFIERS.search(name):
            yield Content(place, pl.Series(name, array.cast(pa.string())), is_number=True)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        yield Content(place, pl.Series(name, array.cast(pa.large_string())))


def _decoded(array: pa.Array) -> pl.Series:
    """Give bytes as the texts that they may be."""
    import polars as pl

    return pl.Series("text", [None if value is None else bytes(value).decode("utf-8", "replace") for value in array.to_pylist()], pl.String)
