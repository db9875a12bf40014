"""Vectors of a sample of rows against those of the items that they are of, read from the embedding table's parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plait.schema.embeddings import KEY, table_folder
from plait.schema.reasons import Reason
from plait.validators.embeddings.scan import parts_of, vectors_of
from plait.validators.snapshots.asked import DAY_US, FUTURE, OTHER

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl

    from plait.validators.snapshots.asked import Asked, Difference, Ints

_CLOSE = 1e-5
"""How far a mean may be off, relative and absolute: sums in another order are."""


def found_vectors(folder: Path, dim: int, keys: pl.Series, *, by_content: bool) -> tuple[pl.DataFrame | None, npt.NDArray[np.float32]]:
    """Give the vectors of items, read block by block.

    Args:
        folder: The table's folder.
        dim: Length of its vectors.
        keys: The contents of the items, or their sources and names with a slash between.
        by_content: Whether they are contents.

    Returns:
        `key` and `at`, the place of its vector, for each key that has one, several where it has several; None where there is no table that can be
        read. And the vectors `(n, dim) float32`.
    """
    import polars as pl
    import pyarrow as pa

    places, held, count = [], [], 0
    files = parts_of(folder)
    try:
        for file in files:
            rows = pl.read_parquet(file, columns=[*KEY, "status"]).with_row_index("row")
            name = pl.col("content") if by_content else pl.concat_str("source", "item", separator="/")
            wanted = rows.with_columns(name.alias("key")).filter((pl.col("status") == Reason.OBSERVED) & pl.col("key").is_in(keys.implode()))
            row, begin = wanted["row"].to_numpy(), 0
            for there, vectors in vectors_of(file, dim):
                here = row[(row >= begin) & (row < begin + len(there))] - begin
                held.append(vectors[(np.cumsum(there) - 1)[here[there[here]]]])
                begin += len(there)
            places.append(wanted.select("key").with_columns(at=pl.lit(count, pl.Int64) + pl.int_range(wanted.height)))
            count += wanted.height
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, ValueError):
        return None, np.empty((0, dim), np.float32)
    if not files or count != sum(map(len, held)):
        return None, np.empty((0, dim), np.float32)
    return pl.concat(places), np.concatenate(held)


def compared_vectors(
    asked: Asked, items: pl.DataFrame, encoder: dict[str, Any] | None, study: Path, *, by_content: bool
) -> tuple[list[Difference], int] | None:
    """Compare vectors with those of the items that had been made and were known.

    Items that were encoded after the snapshot was made are in the table by now: where there are more than it counted, its value must be that of one of
    them; where there are as many, that of the last or the first, their mean or their greatest.
    """
    import polars as pl

    if not isinstance(encoder, dict) or "encoder_id" not in encoder:
        return None
    view, reduce, dim = asked.view, asked.options.get("reduce", "last"), int(encoder["dim"])
    if asked.lookback_us is not None:
        items = items.filter(pl.col("age_us") < asked.lookback_us)
    place_of, vectors = found_vectors(table_folder(study, view.name, encoder["encoder_id"]), dim, items["key"].unique(), by_content=by_content)
    if place_of is None:
        return None
    items = items.join(place_of, on="key", how="inner", maintain_order="left")
    reasons = np.asarray(np.broadcast_to(view.arrays["reason"], (view.rows, max(view.arrays["reason"].shape[1], 1)))[asked.rows][:, 0])
    there = np.flatnonzero(reasons == Reason.OBSERVED)
    is_made_anew = bool(asked.snapshot.recipe(view.name))
    values = np.asarray(view.arrays["values"])[asked.rows] if not is_made_anew and reduce != "count" else None
    ages = np.asarray(view.arrays["age_days"])[asked.rows][:, 0]
    counts = None if is_made_anew else np.asarray(view.arrays["n_obs"])[asked.rows][:, 0]
    by_place = {key[0]: frame for key, frame in items.group_by(["place"], maintain_order=True)}
    future, other = [], []
    for place in there.tolist():  # a row of the sample
        behind = by_place.get(place)
        if behind is None or (counts is not None and counts[place] > behind.height):
            future.append(place)
            continue
        held = _Behind((behind["age_us"].to_numpy() / DAY_US).astype(np.float32), vectors, behind["at"].to_numpy())
        if not np.any(held.ages == ages[place]):
            future.append(place)
        elif not held.gives(None if values is None else values[place], ages[place], reduce, is_all=counts is None or counts[place] == behind.height):
            other.append(place)
    found = asked.differs(FUTURE, np.asarray(future, np.int64), "no item of that age, or not so many, had been made and were known by then")
    return found + asked.differs(OTHER, np.asarray(other, np.int64), "another vector or item than the one that the rule gives"), len(there)


class _Behind(NamedTuple):
    """The items behind a row: ages in days, oldest first, and where their vectors are."""

    ages: npt.NDArray[np.float32]
    vectors: npt.NDArray[np.float32]
    at: Ints

    def gives(self, value: npt.NDArray[np.float32] | None, age: float, reduce: str, *, is_all: bool) -> bool:
        """Say whether a row's vector and age are what the rule gives; whether one of these is, where there are more than the row counted."""
        is_newest = bool(age == self.ages.min()) if reduce != "first" else bool(age == self.ages.max())
        if value is None:
            return is_newest or not is_all
        if reduce in {"mean", "max"}:
            held = self.vectors[self.at]
            made = held.max(axis=0) if reduce == "max" else held.mean(axis=0, dtype=np.float64)
            return not is_all or (is_newest and bool(np.allclose(made, value, rtol=_CLOSE, atol=_CLOSE)))
        same = (self.vectors[self.at] == value).all(axis=1) & (self.ages == age)
        return bool(same.any()) and (is_newest or not is_all)
