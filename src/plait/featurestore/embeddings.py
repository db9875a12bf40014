"""Reading embedding tables: the rows of all parts, and their vectors as one memory-mapped array.

Parquet is the archive; the array beside it is a cache, made anew whenever the parts are others. What passes no gate on the way into the cache is
FAILED_QC; what the rules of a table as a whole found is kept with it, so that a query knows at once whether the table may be served.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from plait.errors import EncoderError
from plait.schema.embeddings import KEY
from plait.schema.reasons import Reason
from plait.validators.counted import Counted, Figure
from plait.validators.embeddings.rules import refusals, stamp_of, table_figures, table_of
from plait.validators.embeddings.scan import newest, parts_of, scan, vectors_of
from plait.validators.report import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl

    from plait.settings import ValidationSettings
    from plait.validators.embeddings.scan import Scanned

_CACHE = "cache"
_KEPT = ("source", "item", "content", "person_id", "status", "detail", "wrong", "parts", "place")


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """An embedding table, opened.

    Attributes:
        rows: `source`, `item`, `content`, `person_id`, `status`, `detail`, `wrong` (what is wrong with the row itself, see
            `plait.validators.embeddings.scan.SOUND`), `parts`, and `place` in `vectors` (-1 where there is none); one row an item, content and person.
        vectors: All vectors, `(n_vectors, dim) float32`, memory-mapped and not to be changed.
        figures: What the rules of the table as a whole found, by type of check.
    """

    rows: pl.DataFrame
    vectors: npt.NDArray[np.float32]
    figures: Mapping[str, Figure]

    @classmethod
    def open(cls, folder: Path, dim: int) -> Self:
        """Open the table in a folder; one without parts has no rows."""
        import polars as pl

        if not parts_of(folder):
            texts = dict.fromkeys(("source", "item", "content"), pl.String)
            numbers = {"status": pl.UInt8, "detail": pl.String, "wrong": pl.UInt8, "parts": pl.Int32, "place": pl.Int64}
            schema = pl.Schema({**texts, "person_id": pl.Int64, **numbers})
            return cls(pl.DataFrame(schema=schema), np.empty((0, dim), np.float32), {})
        stamp = stamp_of(folder)
        rows, vectors, figures = (folder / _CACHE / f"{stamp}.{kind}" for kind in ("parquet", "npy", "json"))
        with suppress(OSError, ValueError, TypeError):
            found = {name: Counted(*one) if isinstance(one, list) else str(one) for name, one in json.loads(figures.read_text(encoding="utf-8")).items()}
            return cls(pl.read_parquet(rows), np.load(vectors, mmap_mode="r"), found)
        return cls(*_built(folder, dim, stamp))

    def of_items(self, items: pl.DataFrame, former: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """Give items with what the table has of each: `place`, and `made`, its status; null where it has none.

        A vector that is there for another person than the item's alone is FAILED_QC. One that was made when the item was another's, as an older
        version has it, is still that version's.

        Args:
            items: Rows of an inventory.
            former: Gives who was found to be whom since, see `plait.etl.crosswalk.former_persons`; asked where persons differ.
        """
        import polars as pl

        key = [*KEY, "person_id"]
        made = self.rows.select(*key, "place", made=pl.col("status"))
        found = items.join(made, on=key, how="left", maintain_order="left")
        if not found.filter(pl.col("made").is_null()).join(made, on=KEY, how="semi").height:
            return found
        now = made.join(former(), on="person_id", how="left").with_columns(person_id=pl.col("now").fill_null(pl.col("person_id"))).drop("now")
        now = now.sort("place", maintain_order=True).unique(key, keep="last", maintain_order=True)
        others = made.sort("made", descending=True, maintain_order=True).unique(KEY, keep="first", maintain_order=True)
        others = others.select(*KEY, other=pl.when(pl.col("made") == Reason.OBSERVED).then(int(Reason.FAILED_QC)).otherwise("made").cast(pl.UInt8))
        found = found.join(now, on=key, how="left", maintain_order="left", suffix="_now").join(others, on=KEY, how="left", maintain_order="left")
        return found.with_columns(
            place=pl.coalesce("place", "place_now", pl.when(pl.col("other").is_not_null()).then(-1)), made=pl.coalesce("made", "made_now", "other")
        ).drop("place_now", "made_now", "other")

    def check_served(self, view: str, settings: ValidationSettings) -> None:
        """Fail where the table of a view is not to be served: a rule of the table as a whole fails, and its severity is `error`.

        Raises:
            EncoderError: It is not; names the check.
        """
        failed = refusals(view, self.figures, settings)
        if failed:
            first = failed[0]
            raise EncoderError(
                f"view '{view}'",
                expected="an embedding table that passes its checks",
                got=f"{in_words(first)} in {first.check.id} ({first.check.about})",
                todo=f"See `plait validate {table_of(view)}`, or ask without this view.",
            )


def _built(folder: Path, dim: int, stamp: str) -> tuple[pl.DataFrame, npt.NDArray[np.float32], dict[str, Figure]]:
    """Read a table, give the parts of `Embeddings`, and keep them in place of what was kept before; a study that cannot be written to is read without."""
    import polars as pl

    scanned = scan(folder, dim)
    rows = newest(scanned.rows).with_columns(
        place=pl.when("is_good").then(pl.col("is_good").cum_sum().cast(pl.Int64) - 1).otherwise(-1),
        status=pl.when(pl.col("wrong") > 0).then(int(Reason.FAILED_QC)).otherwise("status").cast(pl.UInt8),
    )
    figures = table_figures(scanned)
    cache, token = folder / _CACHE, secrets.token_hex(4)  # several processes may ask for the cache at one time
    new = {suffix: cache / f".{stamp}.{suffix}.{token}" for suffix in ("npy", "parquet", "json")}
    kept = rows.select(_KEPT)
    try:
        cache.mkdir(exist_ok=True)
        count = int(rows["is_good"].sum())
        vectors = np.lib.format.open_memmap(new["npy"], "w+", np.float32, (count, dim)) if count * dim else np.empty((count, dim), np.float32)
    except OSError:
        return (kept, _gathered(scanned, rows, np.empty((int(rows["is_good"].sum()), dim), np.float32)), figures)
    _gathered(scanned, rows, vectors)
    if isinstance(vectors, np.memmap):
        vectors.flush()
    else:
        with new["npy"].open("wb") as file:
            np.save(file, vectors)
    kept.write_parquet(new["parquet"])
    new["json"].write_text(json.dumps(figures, sort_keys=True), encoding="utf-8")
    for suffix in ("npy", "parquet", "json"):
        new[suffix].replace(cache / f"{stamp}.{suffix}")  # what is asked for first comes last: all are there whole
    for old in cache.iterdir():
        if not old.name.startswith(".") and old.stem != stamp:
            old.unlink(missing_ok=True)
    return (kept, np.load(cache / f"{stamp}.npy", mmap_mode="r"), figures)


def _gathered(scanned: Scanned, rows: pl.DataFrame, into: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Write the vectors of the rows that are served into an array, in their order, part by part."""
    import polars as pl

    for place, part in enumerate(scanned.parts):
        wanted = rows.filter(pl.col("is_good") & (pl.col("part") == place))["row", "place"]
        if not wanted.height:
            continue
        target = np.full(part.rows, -1, np.int64)
        target[wanted["row"].to_numpy()] = wanted["place"].to_numpy()
        begin = 0
        for there, vectors in vectors_of(scanned.folder / part.name, scanned.dim):
            places = target[begin : begin + len(there)][there]
            begin += len(there)
            into[places[places >= 0]] = vectors[places >= 0]
    return into
