"""Files of embeddings that others computed: Parquet, NumPy with a CSV of its rows, or a folder of HDF5 with one file a slide."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from plait.duck import connect, sql
from plait.errors import InputFileError
from plait.featurestore.encoders.encoder import ItemError
from plait.models.weights import file_hashes
from plait.schema.embeddings import FEATURES_FOLDER
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa

    Floats = npt.NDArray[np.float32]
    One = tuple[Floats, int] | ItemError
    """A vector with the number of pieces that were pooled for it, or why there is none."""

_ROWS_AT_ONCE = 1 << 14
"""Tiles of a slide, or rows that are hashed, that are in memory at a time."""

_MATRIX = 2


class Vectors(ABC):
    """Vectors in files, a row each."""

    @abstractmethod
    def files(self) -> list[Path]:
        """Give the files that decide what the rows are."""

    @abstractmethod
    def keys(self) -> pl.DataFrame:
        """Give all columns but the vectors, in the order of the rows."""

    @abstractmethod
    def contents(self) -> pl.Series:
        """Give the SHA-256 of what each vector is made of."""

    @abstractmethod
    def vectors(self, rows: npt.NDArray[np.int64]) -> list[One]:
        """Give the vectors of some rows."""


class ParquetVectors(Vectors):
    """A column of lists in Parquet.

    Args:
        files: The files, one after another.
        column: The column with the vectors.
        view: The view's name, for errors.
    """

    def __init__(self, files: list[Path], column: str, view: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._files, self._column = files, column
        self._opened = [pq.ParquetFile(file) for file in files]
        for opened in self._opened:
            schema = opened.schema_arrow
            if column not in schema.names:
                raise InputFileError(
                    f"view '{view}'",
                    expected=f"a column '{column}' with vectors",
                    got=", ".join(schema.names[:20]),
                    todo="Name the column with the vectors under 'vector' in plait.yaml.",
                )
            kind = schema.field(column).type
            is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
            if not (is_list and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))):
                raise InputFileError(f"view '{view}', column '{column}'", expected="lists of numbers", got=str(kind), todo="Write each vector as a list.")
        groups = [(file, group) for file, opened in enumerate(self._opened) for group in range(opened.num_row_groups)]
        self._groups = groups
        self._ends = np.cumsum([self._opened[file].metadata.row_group(group).num_rows for file, group in groups] or [0])
        self._held: tuple[int, npt.NDArray[np.int64], Floats] | None = None

    def files(self) -> list[Path]:
        """Give the files."""
        return self._files

    def keys(self) -> pl.DataFrame:
        """Give all columns but the vectors."""
        import polars as pl

        names = [name for name in self._opened[0].schema_arrow.names if name != self._column]
        return pl.concat([pl.read_parquet(file, columns=names) for file in self._files])

    def contents(self) -> pl.Series:
        """Give the SHA-256 of each vector's numbers as float32."""
        import polars as pl

        return pl.concat([pl.Series("content", [], pl.String), *(_hashed(*self._group(place)) for place in range(len(self._groups)))])

    def vectors(self, rows: npt.NDArray[np.int64]) -> list[One]:
        """Give the vectors of some rows; of a null, there is none."""
        found: list[One] = []
        for row, group in zip(rows.tolist(), np.searchsorted(self._ends, rows, side="right").tolist(), strict=True):
            offsets, numbers = self._group(group)
            place = row - (int(self._ends[group - 1]) if group else 0)
            vector = numbers[offsets[place] : offsets[place + 1]]
            found.append((vector, 1) if len(vector) else ItemError(Reason.FAILED_QC, "no vector in the file"))
        return found

    def _group(self, place: int) -> tuple[npt.NDArray[np.int64], Floats]:
        """Give where each vector of a row group begins, and their numbers; the last group that was read is kept."""
        if self._held is None or self._held[0] != place:
            file, group = self._groups[place]
            column = self._opened[file].read_row_group(group, columns=[self._column]).column(0)
            self._held = (place, *_flat(column))
        return self._held[1:]


class NumpyVectors(Vectors):
    """A matrix in a `.npy` file, whose rows a CSV tells of.

    Args:
        file: The matrix.
        ids: The CSV, a line for each row.
        dim: Length of the vectors.
        view: The view's name, for errors.
    """

    def __init__(self, file: Path, ids: Path, dim: int, view: str) -> None:
        import polars as pl

        self._file, self._ids = file, ids
        try:
            self._matrix = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError):
            raise InputFileError(f"view '{view}': {file.name}", expected="a NumPy matrix of numbers", got="none", todo="Write it with numpy.save.") from None
        if self._matrix.ndim != _MATRIX or self._matrix.shape[1] != dim or self._matrix.dtype.kind not in "fiu":
            raise InputFileError(
                f"view '{view}': {file.name}",
                expected=f"a matrix of {dim} columns, as declared",
                got=f"{self._matrix.dtype} of shape {self._matrix.shape}",
                todo="Mend 'dim' under 'encoder' in plait.yaml, or name the right file.",
            )
        self._keys = pl.read_csv(ids, infer_schema_length=None)
        if len(self._keys) != len(self._matrix):
            raise InputFileError(
                f"view '{view}': {ids.name}",
                expected=f"{len(self._matrix)} lines, one of each row of the matrix",
                got=str(len(self._keys)),
                todo="Write both anew.",
            )

    def files(self) -> list[Path]:
        """Give both files."""
        return [self._file, self._ids]

    def keys(self) -> pl.DataFrame:
        """Give the CSV."""
        return self._keys

    def contents(self) -> pl.Series:
        """Give the SHA-256 of each row's numbers as float32."""
        import polars as pl

        dim = self._matrix.shape[1]
        parts = [self._matrix[start : start + _ROWS_AT_ONCE].astype(np.float32) for start in range(0, len(self._matrix), _ROWS_AT_ONCE)]
        return pl.concat([pl.Series("content", [], pl.String), *(_hashed(np.arange(len(part) + 1) * dim, part.reshape(-1)) for part in parts)])

    def vectors(self, rows: npt.NDArray[np.int64]) -> list[One]:
        """Give the vectors of some rows."""
        return [(vector, 1) for vector in self._matrix[rows].astype(np.float32)]


class H5Vectors(Vectors):
    """A folder with one HDF5 file a slide, named after it, as TRIDENT and CLAM write them: `features` `(n, dim)`, `(1, n, dim)` or `(dim,)`.

    Args:
        files: The files.
        dataset: The dataset with the features.
        pooling: What becomes of the tiles' vectors.
        study: The study's folder, which keeps what is known of the files.
    """

    def __init__(self, files: list[Path], dataset: str, pooling: Literal["mean", "max"], study: Path) -> None:
        self._files, self._dataset, self._pooling, self._study = files, dataset, pooling, study
        self._seen = [_seen(file) for file in files]

    def files(self) -> list[Path]:
        """Give the files."""
        return self._files

    def keys(self) -> pl.DataFrame:
        """Give the slides' names."""
        import polars as pl

        return pl.DataFrame({"name": [file.stem for file in self._files]}, schema={"name": pl.String})

    def contents(self) -> pl.Series:
        """Give the SHA-256 of each file."""
        import polars as pl

        return pl.Series("content", file_hashes(self._study / FEATURES_FOLDER / "given.json", self._files), pl.String)

    def vectors(self, rows: npt.NDArray[np.int64]) -> list[One]:
        """Give the pooled vector of some slides; a slide without tiles has NO_MATERIAL."""
        return [self._one(row) for row in rows.tolist()]

    def _one(self, row: int) -> One:
        """Give the vector of one slide, unless its file is another than when it was hashed."""
        import h5py

        try:
            if _seen(self._files[row]) != self._seen[row]:
                return ItemError(Reason.FAILED_QC, "its file changed meanwhile")
            with h5py.File(self._files[row]) as opened:
                if self._dataset not in opened:
                    return ItemError(Reason.UNPARSED, "no such dataset in its file")
                features = opened[self._dataset]
                return (features[()].astype(np.float32), 1) if features.ndim == 1 else self._pooled(features)
        except FileNotFoundError:
            return ItemError(Reason.UNREACHABLE, "its file is gone")
        except (OSError, RuntimeError):  # what HDF5 says of a damaged file
            return ItemError(Reason.UNPARSED, "its file is no readable HDF5")

    def _pooled(self, features: Any) -> One:  # noqa: ANN401 - a dataset of h5py
        """Pool the tiles of one slide; sums are made in double, in the order of the tiles."""
        tiles, dim = features.shape[-2:]
        if features.ndim > _MATRIX and features.shape[:-2] != (1,):
            return ItemError(Reason.FAILED_QC, f"features of shape {features.shape}")
        if not tiles:
            return ItemError(Reason.NO_MATERIAL, "no tiles")
        pooled = np.full(dim, -np.inf if self._pooling == "max" else 0.0)
        for start in range(0, tiles, _ROWS_AT_ONCE):
            part = np.asarray(features[..., start : start + _ROWS_AT_ONCE, :], np.float64).reshape(-1, dim)
            pooled = np.maximum(pooled, part.max(axis=0)) if self._pooling == "max" else pooled + part.sum(axis=0)
        return (pooled if self._pooling == "max" else pooled / tiles).astype(np.float32), tiles


def _seen(file: Path) -> tuple[int, int]:
    """Give size and time of a file."""
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns


def _flat(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], Floats]:
    """Give where each list of a column begins, and where the last one ends, and all numbers; a null is an empty list, a null within is NaN."""
    import pyarrow.compute as pc

    array = column.combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    numbers = pc.list_flatten(array).cast("float32").to_numpy(zero_copy_only=False)
    return np.concatenate(([0], np.cumsum(lengths))), np.ascontiguousarray(numbers, np.float32)


def _hashed(offsets: npt.NDArray[np.int64], numbers: Floats) -> pl.Series:
    """Give the SHA-256 of each vector's bytes."""
    import pyarrow as pa

    size = np.dtype(np.float32).itemsize
    buffers: Sequence[Any] = [None, pa.py_buffer(np.ascontiguousarray(offsets * size, np.int64)), pa.py_buffer(numbers)]
    table = pa.table({"bytes": pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers), "place": np.arange(len(offsets) - 1)})
    con = connect()
    try:
        con.register("given_vectors", table)
        return con.execute(sql("plait.featurestore.given", "contents")).pl()["content"]
    finally:
        con.close()
