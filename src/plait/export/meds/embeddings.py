"""Vectors of what a view encoded, `embeddings/VIEW.parquet`, and the events that point at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plait.duck import sql
from plait.errors import ConfigError, ExportError
from plait.featurestore.items import ItemView

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from plait.export.outgoing import Outgoing
    from plait.featurestore.aligned import Floats
    from plait.featurestore.store import Store

_PLACE = 100
"""Vectors of an item come after all that is of its moment."""

_AT_ONCE = 1 << 16
"""Vectors that are written together."""


def write_embeddings(out: Outgoing, store: Store, name: str, place: int = 0) -> pa.Table:
    """Write the vectors of a view's items, in the order of persons and times, and give an event for each, when it became known.

    Args:
        out: The export.
        store: The feature store of the version.
        name: The view.
        place: Its place among the views, which orders events of one moment.

    Raises:
        ConfigError: The view's items are not encoded.
        ExportError: The policy withholds what they are vectors of.
    """
    import polars as pl

    view = store.view(name)
    if not isinstance(view, ItemView):
        raise ConfigError(f"view '{name}'", expected="a view whose items are encoded", got=f"one of kind '{view.modality}'", todo="Name another with --view.")
    if view.table_name in out.policy.withheld or (view.table_name == "note" and out.policy.notes == "withhold"):
        raise ExportError(
            f"view '{name}'",
            expected="vectors of what may leave",
            got=f"vectors of {view.table_name}, which the policy withholds",
            todo="A vector tells of what it was made of: leave the view out, or change the policy in plait.yaml.",
        )
    encoded, vectors = view.encoded()
    items = _moved(out, encoded)
    _write(out, name, items, vectors)
    return items.select(
        "subject_id",
        pl.col("known_time").alias("time"),
        pl.lit(f"EMBEDDING//{name}").alias("code"),
        "known_time",
        pl.lit(view.table_name).alias("table"),
        "row_id",
        pl.int_range(pl.len(), dtype=pl.Int64).alias("embedding_row"),
        pl.lit(_PLACE + place, pl.Int32).alias("place"),
    ).to_arrow()


def _moved(out: Outgoing, encoded: pl.DataFrame) -> pl.DataFrame:
    """Give the items of who leaves under new ids, in the order of persons and times, with the place of each vector."""
    out.con.register("encoded_item", encoded.select("person_id", "event_time", "known_time", "row_id", "place").to_arrow())
    frame: pl.DataFrame = out.con.execute(sql("plait.export.meds", "encoded")).pl()
    out.con.unregister("encoded_item")
    return frame


def _write(out: Outgoing, name: str, items: pl.DataFrame, vectors: Floats) -> None:
    """Write `subject_id`, `time`, `known_time` and `vector`, some rows at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    dim = vectors.shape[1]
    moment = pa.timestamp("us")
    schema = pa.schema([("subject_id", pa.int64()), ("time", moment), ("known_time", moment), ("vector", pa.list_(pa.float32(), dim))])
    file = out.folder / "embeddings" / f"{name}.parquet"
    file.parent.mkdir(exist_ok=True)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for part in items.iter_slices(_AT_ONCE):
            flat = np.ascontiguousarray(vectors[part["place"].to_numpy()]).reshape(-1)
            held = pa.FixedSizeListArray.from_arrays(pa.array(flat, pa.float32()), dim)
            columns = [part["subject_id"].to_arrow(), part["time"].to_arrow(), part["known_time"].to_arrow(), held]
            writer.write_table(pa.table(columns, schema=schema))
