"""Reading embedding tables: the rows of all parts, and their vectors as one memory-mapped array.

Parquet is the archive; the array beside it is a cache, made anew whenever the parts are others.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from plait.schema.embeddings import KEY, embedding_schema
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl

_CACHE = "cache"


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """An embedding table, opened.

    Attributes:
        rows: `source`, `item`, `content`, `status`, `parts`, and `place` in `vectors` (-1 where there is none); one row an item and content.
        vectors: All vectors, `(n_vectors, dim) float32`, memory-mapped and not to be changed.
    """

    rows: pl.DataFrame
    vectors: npt.NDArray[np.float32]

    @classmethod
    def open(cls, folder: Path, dim: int) -> Self:
        """Open the table in a folder; one without parts has no rows."""
        import polars as pl

        parts = sorted(folder.glob("*.parquet"))
        if not parts:
            schema = {"source": pl.String, "item": pl.String, "content": pl.String, "status": pl.UInt8, "parts": pl.Int32, "place": pl.Int64}
            return cls(pl.DataFrame(schema=schema), np.empty((0, dim), np.float32))
        stamp = hashlib.sha256("\n".join(part.name for part in parts).encode()).hexdigest()[:16]
        rows, vectors = folder / _CACHE / f"{stamp}.parquet", folder / _CACHE / f"{stamp}.npy"
        if not (rows.is_file() and vectors.is_file()):
            _build(parts, dim, rows, vectors)
        return cls(pl.read_parquet(rows), np.load(vectors, mmap_mode="r"))


def _build(parts: list[Path], dim: int, rows: Path, vectors: Path) -> None:
    """Write the cache of these parts, and remove those of others."""
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [pq.read_table(part, schema=embedding_schema(dim)) for part in parts]
    table = pa.concat_tables(tables)
    frame = pl.from_arrow(table.drop_columns(["vector"]))
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - for the type checker: a table is a frame
    newest = (
        frame.with_columns(is_good=pl.col("status") == Reason.OBSERVED)
        .with_row_index("at")
        .sort(["is_good", "at"], maintain_order=True)
        .unique(KEY, keep="last", maintain_order=True)
        .sort("at")
    )
    good = newest.filter("is_good")["at"].to_numpy()
    chosen = table.column("vector").take(pa.array(good)).combine_chunks()
    flat = chosen.flatten().to_numpy(zero_copy_only=False).reshape(len(good), dim) if len(good) else np.empty((0, dim), np.float32)
    newest = newest.with_columns(place=pl.when("is_good").then(pl.col("is_good").cum_sum().cast(pl.Int64) - 1).otherwise(-1))
    rows.parent.mkdir(exist_ok=True)
    token = secrets.token_hex(4)  # several processes may ask for the cache at one time
    new_vectors, new_rows = vectors.with_name(f".{vectors.name}.{token}"), rows.with_name(f".{rows.name}.{token}")
    with new_vectors.open("wb") as file:
        np.save(file, np.ascontiguousarray(flat, np.float32))
    newest.select("source", "item", "content", "status", "parts", "place").write_parquet(new_rows)
    new_vectors.replace(vectors)
    new_rows.replace(rows)  # what is asked for first comes last: both are there whole
    for old in rows.parent.iterdir():
        if not old.name.startswith(".") and old.stem != rows.stem:
            old.unlink(missing_ok=True)
