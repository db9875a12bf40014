"""An embedding table as it lies on the disk: every row of every part with what is wrong with it, read block by block."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.schema.embeddings import ENCODER_FILE, KEY, Declaration, embedding_schema, part_digest
from plait.schema.reasons import Reason
from plait.validators.embeddings.gate import norms_of, wrong_norm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa

    Floats = npt.NDArray[np.float32]
    Doubles = npt.NDArray[np.float64]

_NUMBERS_AT_ONCE = 1 << 22
"""How many numbers of vectors are held in memory at a time."""

_FILLED = (*KEY, "encoder_id", "status", "parts")
"""Columns without which nothing can be said of a row."""

SOUND, NO_VECTOR, NOT_FINITE, WRONG_NORM, WRONG_ENCODER, NO_PIECE = range(6)
"""What can be wrong with a row alone, whatever else is in the table; the first that holds. Such a row is FAILED_QC, and is not served."""

CHANGED, UNREADABLE, COLUMNS, DIMENSION = "changed", "unreadable", "columns", "dimension"
"""What can be wrong with a part: its content is not that of its name, it is no Parquet, or its columns or its vectors are not those of the schema."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a table.

    Attributes:
        name: The file's name.
        rows: How many rows it has; 0 where it cannot be read.
        problem: What is wrong with it, None where nothing is.
    """

    name: str
    rows: int
    problem: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Mean:
    """The mean of some vectors.

    Attributes:
        count: How many they are.
        total: Their sum, `(dim,) float64`.
    """

    count: int
    total: Doubles


@dataclass(frozen=True, slots=True, eq=False)
class Scanned:
    """An embedding table.

    Attributes:
        folder: Where it lies.
        encoder: What its `encoder.json` says; empty where it cannot be read.
        parts: Its parts, oldest first.
        rows: The rows of the parts that can be read, in their order, vectors left out: `part` (its place among the parts), `row` (its place in
            the part), the columns of the schema, `wrong` (UInt8, see `SOUND`), `norm` (null without a vector), and `first` and `second`, two
            fingerprints of the vector.
        least: The least number of each dimension among sound vectors, `(dim,) float32`.
        most: The greatest.
        means: The mean of the sound vectors of each source in each part, by the part's place and the source.
    """

    folder: Path
    encoder: dict[str, Any]
    parts: tuple[Part, ...]
    rows: pl.DataFrame
    least: Floats
    most: Floats
    means: dict[tuple[int, str], Mean] = field(default_factory=dict)

    @property
    def dim(self) -> int:
        """Length of its vectors."""
        return len(self.least)


def parts_of(folder: Path) -> list[Path]:
    """Give the files of a table, oldest first."""
    return sorted(folder.glob("*.parquet"))


def read_encoder(folder: Path) -> dict[str, Any]:
    """Give what `encoder.json` of a table says, nothing where it cannot be read."""
    try:
        entry = json.loads((folder / ENCODER_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entry if isinstance(entry, dict) else {}


def declaration_of(entry: dict[str, Any]) -> Declaration | None:
    """Give the encoder that `encoder.json` declares, None where it declares none."""
    names = ("name", "version", "weights_sha256", "preprocessing", "dim", "dtype")
    try:
        return Declaration(**{name: entry[name] for name in names}, norm=(float(entry["norm"][0]), float(entry["norm"][1])))
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def scan(folder: Path, dim: int) -> Scanned:
    """Read a table, block by block; a part that cannot be read has no rows, and says why.

    Args:
        folder: The table's folder.
        dim: Length of its vectors, as its encoder was registered.
    """
    import polars as pl

    entry = read_encoder(folder)
    declared = declaration_of(entry)
    norm = declared.norm if declared is not None else (0.0, math.inf)
    gathered = _Gathered(dim)
    parts, frames = [], []
    for place, file in enumerate(parts_of(folder)):
        problem, frame = _read_part(file, place, folder.name, norm, gathered)
        parts.append(Part(file.name, 0 if frame is None else frame.height, problem))
        frames += [] if frame is None else [frame]
    rows = pl.concat(frames) if frames else _no_rows(dim)
    return Scanned(folder, entry, tuple(parts), rows, gathered.least, gathered.most, gathered.means)


def vectors_of(file: Path, dim: int) -> Iterator[tuple[npt.NDArray[np.bool_], Floats]]:
    """Give the vectors of a part, some rows at a time: which rows have one `(n,) bool`, and these vectors `(n_there, dim) float32`."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as opened:
        for batch in opened.iter_batches(max(_NUMBERS_AT_ONCE // max(dim, 1), 1), columns=["vector"]):
            column = batch.column(0)
            there = column.is_valid().to_numpy(zero_copy_only=False)
            numbers = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
            yield there, numbers.reshape(int(there.sum()), dim)


class _Gathered:
    """What is gathered over all parts: the range of each dimension, and means. A part that turns out unreadable adds nothing."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.least, self.most = np.full(dim, np.inf, np.float32), np.full(dim, -np.inf, np.float32)
        self.means: dict[tuple[int, str], Mean] = {}

    def add(self, vectors: Floats, sources: npt.NDArray[np.object_], place: int) -> None:
        """Add sound vectors of a part."""
        if not len(vectors):
            return
        self.least = np.minimum(self.least, vectors.min(axis=0))
        self.most = np.maximum(self.most, vectors.max(axis=0))
        for source in sorted(set(sources.tolist())):
            held = vectors[sources == source]
            before = self.means.get((place, source), Mean(0, np.zeros(self.dim)))
            self.means[place, source] = Mean(before.count + len(held), before.total + held.sum(axis=0, dtype=np.float64))

    def copy(self) -> _Gathered:
        """Give a copy that adding to leaves this one as it is."""
        made = _Gathered(self.dim)
        made.least, made.most, made.means = self.least, self.most, dict(self.means)
        return made

    def take(self, other: _Gathered) -> None:
        """Become what another one is."""
        self.least, self.most, self.means = other.least, other.most, other.means


def _read_part(file: Path, place: int, encoder_id: str, norm: tuple[float, float], gathered: _Gathered) -> tuple[str | None, pl.DataFrame | None]:
    """Give what is wrong with a part, and its rows; None where they cannot be read."""
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = embedding_schema(gathered.dim)
    try:
        found = pq.read_schema(file)
        if found.get_field_index("vector") < 0 or not found.field("vector").type.equals(wanted.field("vector").type):
            return DIMENSION, None
        if found.names != wanted.names or any(not found.field(name).type.equals(wanted.field(name).type) for name in wanted.names):
            return COLUMNS, None
        table = pq.read_table(file, partitioning=None, columns=[name for name in wanted.names if name != "vector"])
        if any(table[name].null_count for name in _FILLED):
            return COLUMNS, None
        own = gathered.copy()
        wrong, norms, prints, digest = _look(file, table, place, encoder_id, norm, own)
    except (pa.ArrowException, OSError, ValueError):
        return UNREADABLE, None
    gathered.take(own)
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - for the type checker: a table is a frame
    frame = frame.with_row_index("row").with_columns(
        pl.lit(place, pl.UInt32).alias("part"),
        pl.Series("wrong", wrong),
        pl.Series("norm", norms, nan_to_null=True),
        pl.Series("first", prints[0]),
        pl.Series("second", prints[1]),
    )
    is_named_so = file.stem.partition("-")[2] == digest[:12]
    return None if is_named_so else CHANGED, frame.select(_no_rows(gathered.dim).columns)


def _look(
    file: Path, table: pa.Table, place: int, encoder_id: str, norm: tuple[float, float], gathered: _Gathered
) -> tuple[npt.NDArray[np.uint8], Doubles, tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]], str]:
    """Give what is wrong with each row of a part, the norm and two fingerprints of its vector, and the digest of the part."""
    count = table.num_rows
    status, pieces = (table[name].to_numpy() for name in ("status", "parts"))
    sources, encoders = (np.asarray(table[name].to_pylist(), np.object_) for name in ("source", "encoder_id"))
    is_good = status == Reason.OBSERVED
    wrong = np.where(is_good & (encoders != encoder_id), WRONG_ENCODER, np.where(is_good & (pieces < 1), NO_PIECE, SOUND)).astype(np.uint8)
    norms = np.full(count, np.nan)
    prints = np.zeros(count, np.uint64), np.zeros(count, np.uint64)
    begin = 0

    def blocks() -> Iterator[Floats]:
        nonlocal begin
        for there, vectors in vectors_of(file, gathered.dim):
            rows = begin + np.flatnonzero(there)
            every = slice(begin, begin + len(there))
            begin += len(there)
            lengths = norms_of(vectors)
            finite = np.isfinite(vectors).all(axis=1)
            code = np.where(~finite, NOT_FINITE, np.where(wrong_norm(lengths, norm), WRONG_NORM, SOUND))
            wrong[rows] = np.where(code != SOUND, code, wrong[rows])
            wrong[every] = np.where(there != is_good[every], NO_VECTOR, wrong[every])
            norms[rows] = lengths
            prints[0][rows], prints[1][rows] = _fingerprints(vectors)
            sound = wrong[rows] == SOUND
            gathered.add(vectors[sound], sources[rows[sound]], place)
            yield vectors[is_good[rows]]

    digest = part_digest(table, blocks())
    return wrong, norms, prints, digest


def _fingerprints(vectors: Floats) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Give two numbers of each vector that equal vectors have in common and others do not, but by a chance of 1 in 2^128; 0 and -0 are one number."""
    import polars as pl
    import pyarrow as pa

    if not vectors.size:
        nothing = np.zeros(len(vectors), np.uint64)
        return nothing, nothing
    plain = np.ascontiguousarray(vectors) + np.float32(0)
    held = pa.FixedSizeBinaryArray.from_buffers(pa.binary(4 * plain.shape[1]), len(plain), [None, pa.py_buffer(plain)])
    series = pl.from_arrow(held)
    assert isinstance(series, pl.Series)  # noqa: S101 - for the type checker: an array is a series
    return series.hash(1).to_numpy(), series.hash(2).to_numpy()


def _no_rows(dim: int) -> pl.DataFrame:
    """Give the columns of `Scanned.rows`."""
    import polars as pl

    plain = pl.from_arrow(embedding_schema(dim).remove(len(embedding_schema(dim)) - 1).empty_table())
    assert isinstance(plain, pl.DataFrame)  # noqa: S101 - for the type checker: a table is a frame
    more = {"wrong": pl.UInt8, "norm": pl.Float64, "first": pl.UInt64, "second": pl.UInt64}
    return pl.DataFrame(schema={"part": pl.UInt32, "row": pl.UInt32, **plain.schema, **more})


def newest(rows: pl.DataFrame) -> pl.DataFrame:
    """Give the row of each item, content and person that counts: the last one that is served, else the last one; with `is_good`, whether it is."""
    import polars as pl

    is_good = (pl.col("status") == Reason.OBSERVED) & (pl.col("wrong") == SOUND)
    return (
        rows.with_columns(is_good=is_good)
        .with_row_index("at")
        .sort(["is_good", "at"], maintain_order=True)
        .unique([*KEY, "person_id"], keep="last", maintain_order=True)
        .sort("at")
    )
