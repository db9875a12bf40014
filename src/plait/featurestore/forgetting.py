"""Embedding tables and snapshots without persons who are forgotten: their rows go, what is left is as it was, and it is told that some went."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.featurestore.snapshot import open_snapshot, save_again
from plait.schema.embeddings import FEATURES_FOLDER, KEY, part_digest, part_name
from plait.schema.snapshots import FORGOTTEN, MANIFEST_FILE
from plait.validators.embeddings.scan import parts_of, vectors_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl

    from plait.featurestore.fitting import Fitted
    from plait.featurestore.splits import Split
    from plait.featurestore.table import FusionTable

MARK_FILE = "forgotten.json"
"""Beside the parts of an embedding table: when persons were taken out of it, and how many."""

_CACHE = "cache"
_TILES = "tiles"


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken out of an embedding table or a snapshot.

    Attributes:
        path: Its folder.
        persons: How many of the persons it held.
        rows: How many rows went.
        was: The id that a snapshot had; None of an embedding table.
        now: The id that it has now.
        is_fitted: Whether something was fitted on rows of theirs: the numbers learnt are as they were.
    """

    path: Path
    persons: int
    rows: int
    was: str | None = None
    now: str | None = None
    is_fitted: bool = False


def embedding_tables(study: Path) -> list[Path]:
    """Give the folders of a study's embedding tables."""
    return sorted(path for path in (study / FEATURES_FOLDER).glob("*/*") if path.is_dir())


def forget_in_table(folder: Path, persons: Sequence[int], at: str, token: str) -> Taken | None:
    """Take persons out of an embedding table: parts that hold rows of theirs are written anew, and what is kept beside them goes.

    Returns:
        What was taken; None where there was nothing.
    """
    theirs = {part: held for part in parts_of(folder) if (held := _rows_of(part, persons)).height}
    rows = sum(held.height for held in theirs.values())
    gone = {person for held in theirs.values() for person in held["person_id"].to_list()}
    marks = _marks(folder / MARK_FILE)
    if rows and not any(mark["token"] == token for mark in marks):
        _write_json(folder / MARK_FILE, [*marks, {"at": at, "persons": len(gone), "token": token}])  # first: it may be stopped behind it
    for part in theirs:
        _rewrite_part(part, persons)
    for left in (*folder.glob(".*.tmp"), *(folder / _CACHE).glob("*"), *(folder / _CACHE).glob(".*")):
        if rows or left.name.startswith("."):
            left.unlink(missing_ok=True)
    _remove_tiles(folder)
    return Taken(folder, len(gone), rows) if rows else None


def _rows_of(part: Path, persons: Sequence[int]) -> pl.DataFrame:
    """Give whose the rows of a part are that are some persons'."""
    import polars as pl

    return pl.scan_parquet(part).filter(pl.col("person_id").is_in(list(persons))).select("person_id").collect()


def _rewrite_part(part: Path, persons: Sequence[int]) -> None:
    """Put a part without some persons in the place of one, under the name that its content gives it; nothing where nobody is left."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    number = int(part.name[:6])
    temporary = part.with_name(f".{part.name}.tmp")
    keys: list[pa.Table] = []
    gone = pa.array(sorted(persons), pa.int64())
    with pq.ParquetFile(part) as opened, pq.ParquetWriter(temporary, opened.schema_arrow, compression="zstd") as writer:
        for batch in opened.iter_batches(4096):
            kept = batch.filter(pc.invert(pc.is_in(batch["person_id"], value_set=gone)))
            if kept.num_rows:
                writer.write_batch(kept)
                keys.append(pa.table({name: kept[name] for name in (*KEY, "status")}))
        dim = opened.schema_arrow.field("vector").type.list_size
    if keys:
        digest = part_digest(pa.concat_tables(keys), (vectors for _, vectors in vectors_of(temporary, dim)))
        temporary.replace(part.with_name(part_name(number, digest)))
    temporary.unlink(missing_ok=True)
    part.unlink()


def _remove_tiles(folder: Path) -> None:
    """Remove the tiles of slides that no row of a table names any more."""
    import polars as pl

    if (folder / _TILES).is_dir():
        kept = {one for part in parts_of(folder) for one in pl.scan_parquet(part).select("content").collect()["content"].to_list()}
        for file in (folder / _TILES).iterdir():
            if file.stem not in kept:
                file.unlink()


def snapshots_below(root: Path) -> Iterator[Path]:
    """Yield the snapshots below a folder, those included whose place another one was about to take."""
    for manifest in sorted(root.rglob(MANIFEST_FILE)):
        yield manifest.parent


def forget_in_snapshot(folder: Path, persons: Sequence[int], at: str, token: str) -> Taken | None:
    """Take persons out of a snapshot: its index, its views, its split, and whom what was fitted was fitted on.

    What was fitted keeps the numbers that it learnt, and says how many of those that it learnt them of were forgotten since. The snapshot gets
    another id, and its manifest says which it had.

    Returns:
        What was taken; None where there was nothing.

    Raises:
        SnapshotError: It cannot be read.
    """
    manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    table = open_snapshot(folder)
    gone = np.asarray(sorted(persons), np.int64)
    theirs = np.isin(table.index.person_id, gone)
    split = table.part.split if table.part else None
    fitted = table.fitted
    found = set(np.unique(table.index.person_id[theirs]).tolist())
    found |= {person for held in (split.parts.values() if split else ()) for person in np.intersect1d(held, gone).tolist()}
    of_fitted = set(np.intersect1d(np.asarray((fitted.persons or ()) if fitted else (), np.int64), gone).tolist())
    found |= of_fitted
    if not found:
        return None
    left = _without(table, ~theirs, gone, len(found), len(of_fitted))
    mark = {"at": at, "persons": len(found), "was": manifest["id"], "token": token}
    now = save_again(left, folder, [*manifest.get(FORGOTTEN, []), mark])
    return Taken(folder, len(found), int(theirs.sum()), manifest["id"], now, bool(of_fitted))


def _without(table: FusionTable, keep: npt.NDArray[np.bool_], gone: npt.NDArray[np.int64], persons: int, of_fitted: int) -> FusionTable:
    """Give a table without the rows and the persons."""
    left = table.take(np.flatnonzero(keep))
    part = table.part
    if part is not None:
        part = replace(part, split=_split_without(part.split, gone, persons))
    fitted = table.fitted
    if fitted is not None and of_fitted:
        fitted = _fitted_without(fitted, gone, of_fitted)
    return replace(left, part=part, fitted=fitted)


def _split_without(split: Split, gone: npt.NDArray[np.int64], persons: int) -> Split:
    """Give a split without persons; its rule says how many were forgotten."""
    before = int(split.rule.get("forgotten", 0))
    parts = {name: np.setdiff1d(held, gone) for name, held in split.parts.items()}
    changed = any(len(parts[name]) != len(held) for name, held in split.parts.items())
    return replace(split, rule={**split.rule, "forgotten": before + persons}, parts=parts) if changed else split


def _fitted_without(fitted: Fitted, gone: npt.NDArray[np.int64], of_fitted: int) -> Fitted:
    """Give what was fitted without the persons among those it was fitted on."""
    persons = tuple(np.setdiff1d(np.asarray(fitted.persons, np.int64), gone).tolist())
    return replace(fitted, persons=persons, forgotten=fitted.forgotten + of_fitted)


def _marks(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        return []
    marks: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return marks


def _write_json(file: Path, content: Any) -> None:  # noqa: ANN401 - what JSON holds
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
    temporary.replace(file)
