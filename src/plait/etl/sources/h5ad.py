"""An h5ad file as it is delivered: checked before anything of it is used, then read in blocks of items."""

from __future__ import annotations

import hashlib
import itertools
import math
import threading
import warnings
from typing import TYPE_CHECKING, Any

from plait.errors import InputFileError
from plait.etl.sources.matrix import BLOCK_CELLS, AssayFacts, block_rows, check_once, dense_dataset, need_omics, open_h5

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

_AGAIN = "Write it again with AnnData's write_h5ad, and deliver that."
_CHUNK = 64 << 10
_KNOWN = frozenset({"X", "layers", "obs", "var", "obsm", "varm", "obsp", "varp", "uns"})
_QUIETLY = threading.Lock()
"""Held while warnings are off, which they are for all threads."""


class H5adMatrix:
    """An h5ad file; written by anndata of any version.

    Attributes:
        obs: Its items, one row each.
        var: Its features, one row each.
        not_kept: Names of its parts that are not stored.

    Raises:
        InputFileError: Truncated, no h5ad file, or with what must not be read: pickled objects, links to other
            files, a name that stands twice, a matrix of another shape than obs and var.
    """

    def __init__(self, path: Path, facts: AssayFacts) -> None:
        self.path, self.facts = path, facts
        need_omics(path.name)
        with _opened(path) as file:
            _check(path, file)
        with _QUIETLY, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what old files are moved to is anndata's own affair
            try:
                self.obs, self.var, parts = _frames(path)
            except Exception as error:  # noqa: BLE001 - anndata raises what it likes for a file that is not as it should be
                raise InputFileError(path, expected="an h5ad file", got=f"one that anndata cannot read ({type(error).__name__})", todo=_AGAIN) from None
        self.not_kept = tuple(sorted(self._left_behind(parts)))
        check_once(path, self.obs.index.astype(str).tolist(), "obs names")
        check_once(path, self.var.index.astype(str).tolist(), "var names")
        with _opened(path) as file:
            shape = _shape(file["X"])
        if shape != (len(self.obs), len(self.var)):
            raise InputFileError(f"{path}: X", expected=f"a matrix of obs by var, {(len(self.obs), len(self.var))}", got=f"one of shape {shape}", todo=_AGAIN)

    def summaries(self) -> Iterator[tuple[str, int, int, int]]:
        """Yield, for each item, a SHA-256 of its values, and how many of them are missing, infinite and negative."""
        import numpy as np

        names = hashlib.sha256("\n".join(self.var.index.astype(str)).encode()).digest()
        with _opened(self.path) as file:
            for data, indices, indptr in _blocks(file["X"], len(self.var)):
                for first, last in itertools.pairwise(indptr):
                    values, places = data[first:last], indices[first:last]
                    digest = hashlib.sha256(names)
                    digest.update(places.astype(np.int64).tobytes())
                    digest.update(np.ascontiguousarray(values).tobytes())
                    yield digest.hexdigest(), int(np.isnan(values).sum()), int(np.isinf(values).sum()), int((values < 0).sum())

    def store(self, group: Any, items: Sequence[int], features: Sequence[int], spill: Path) -> None:  # noqa: ANN401 - h5py has no types
        """Write the values of these items and features as `X`, dense or sparse as they came, and its layers likewise."""
        del spill
        with _opened(self.path) as file:
            _copy(file["X"], group, "X", items, features)
            for name in file.get("layers", {}):
                if name != self.facts.layer:
                    _copy(file["layers"][name], group, f"layers/{name}", items, features)

    def store_further(self, group: Any, items: Sequence[int]) -> None:  # noqa: ANN401 - h5py has no types
        """Write the rows of `obsm` of these items."""
        with _opened(self.path) as file:
            for name, rows in _obsm(file).items():
                if f"obsm/{name}" not in self.not_kept:
                    _copy_rows(rows, group, f"obsm/{name}", items)

    def _left_behind(self, parts: set[str]) -> Iterator[str]:
        """Yield the names of parts that are not stored."""
        yield from parts - {"obsm"}
        with _opened(self.path) as file:
            yield from {"raw" if name.startswith("raw.") else name for name in file if name not in _KNOWN}
            if self.facts.layer in file.get("layers", {}):
                yield f"layers/{self.facts.layer}"
            if self.facts.is_mean and "obsm" in parts:
                yield "obsm"
            yield from (f"obsm/{name}" for name, rows in _obsm(file).items() if not self.facts.is_mean and not _has_rows(rows))

    def extra_columns(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give the file's own columns of obs and var."""
        return {str(name): self.obs[name] for name in self.obs}, {str(name): self.var[name] for name in self.var}


def _opened(path: Path) -> Any:  # noqa: ANN401 - h5py has no types
    try:
        return open_h5(path, "r")
    except OSError:
        raise InputFileError(
            path, expected="an h5ad file", got="no HDF5 file, or a truncated one", todo="Transfer it again; compare its checksum with the sender's."
        ) from None


def _frames(path: Path) -> tuple[pd.DataFrame, pd.DataFrame, set[str]]:
    """Give obs and var, and which of the other parts hold anything. Nothing else is read, but of files from before anndata 0.7."""
    import anndata
    from anndata.io import read_elem

    others = ("obsm", "varm", "obsp", "varp", "uns")
    with _opened(path) as file:
        if all(file[name].attrs.get("encoding-type") == "dataframe" for name in ("obs", "var")):
            return read_elem(file["obs"]), read_elem(file["var"]), {part for part in others if len(file.get(part, ()))}
    read = anndata.read_h5ad(path, backed="r")
    found = read.obs.copy(), read.var.copy(), {part for part in others if len(getattr(read, part))}
    read.file.close()
    return found


def _check(path: Path, file: Any) -> None:  # noqa: ANN401 - h5py has no types
    """Fail where a file lacks a part, or holds what must not be read."""
    import h5py

    missing = [name for name in ("X", "obs", "var") if name not in file]
    if missing:
        raise InputFileError(path, expected="an h5ad file with X, obs and var", got=f"none with {missing[0]}", todo=_AGAIN)

    def look(group: Any) -> None:  # noqa: ANN401
        for name in group:
            if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                raise InputFileError(f"{path}: {group.name}/{name}", expected="data of this file", got="a link to another file", todo=_AGAIN)
            entry = group[name]
            if isinstance(entry, h5py.Group):
                look(entry)
            elif entry.dtype.kind == "V" and entry.dtype.names is None:
                raise InputFileError(
                    f"{path}: {entry.name}", expected="numbers and text", got="opaque bytes, such as a pickled object, which plait never loads", todo=_AGAIN
                )

    look(file)


class _Field:
    """A field of a table of HDF5: anndata kept obsm as one before 0.7."""

    def __init__(self, table: Any, name: str) -> None:  # noqa: ANN401 - h5py has no types
        self.table, self.name = table, name
        self.attrs: dict[str, Any] = {}
        inner = table.dtype[name]
        self.dtype, self.shape = inner.base, (*table.shape, *inner.shape)

    def __getitem__(self, rows: slice) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = self.table[rows][self.name]
        return found


def _obsm(file: Any) -> dict[str, Any]:  # noqa: ANN401 - h5py has no types
    """Give the parts of obsm: arrays, sparse matrices, data frames, and what else there may be."""
    held = file.get("obsm", {})
    return {name: _Field(held, name) for name in held.dtype.names or ()} if hasattr(held, "dtype") else dict(held)


def _has_rows(rows: Any) -> bool:  # noqa: ANN401 - h5py has no types
    """Tell whether a part of obsm is of a kind whose rows can be taken: numbers, dense or sparse, or a data frame."""
    if hasattr(rows, "dtype"):
        return rows.dtype.kind in "biufc" and len(rows.shape) > 1
    return str(rows.attrs.get("encoding-type", rows.attrs.get("h5sparse_format", ""))).startswith(("csr", "csc", "dataframe"))


def _copy_rows(rows: Any, group: Any, name: str, items: Sequence[int]) -> None:  # noqa: ANN401 - h5py has no types
    """Write the chosen rows of a part of obsm."""
    if rows.attrs.get("encoding-type") == "dataframe":
        from anndata.io import read_elem, write_elem

        write_elem(group, name, read_elem(rows).iloc[list(items)])
    else:
        _copy(rows, group, name, items, range(_shape(rows)[1]))


def _shape(matrix: Any) -> tuple[int, ...]:  # noqa: ANN401 - h5py has no types
    """Give the shape of a dense or sparse matrix."""
    shape = matrix.shape if hasattr(matrix, "shape") else matrix.attrs.get("shape", matrix.attrs.get("h5sparse_shape", ()))
    return tuple(int(side) for side in shape)


def _is_by_column(matrix: Any) -> bool:  # noqa: ANN401 - h5py has no types
    return str(matrix.attrs.get("encoding-type", matrix.attrs.get("h5sparse_format", ""))).startswith("csc")


_Rows = tuple["npt.NDArray[Any]", "npt.NDArray[np.int64]", "npt.NDArray[np.int64]"]
"""Rows of a matrix: values, their columns, and where each row begins and the last ends."""


def _blocks(matrix: Any, columns: int) -> Iterator[_Rows]:  # noqa: ANN401 - h5py has no types
    """Yield the rows of a matrix in blocks of about `BLOCK_CELLS` values; of a dense one, all of its values."""
    import numpy as np

    if hasattr(matrix, "shape"):
        size = block_rows(columns)
        for start in range(0, matrix.shape[0], size):
            block = matrix[start : start + size]
            places = np.tile(np.arange(columns, dtype=np.int64), len(block))
            yield block.reshape(-1), places, np.arange(len(block) + 1, dtype=np.int64) * columns
        return
    if _is_by_column(matrix):
        yield from _turned(matrix)
        return
    indptr = matrix["indptr"][:].astype(np.int64)
    first = 0
    while first < len(indptr) - 1:
        last = max(first + 1, int(np.searchsorted(indptr, indptr[first] + BLOCK_CELLS, side="right")) - 1)
        low, high = indptr[first], indptr[last]
        yield matrix["data"][low:high], matrix["indices"][low:high].astype(np.int64), indptr[first : last + 1] - low
        first = last


def _turned(matrix: Any) -> Iterator[_Rows]:  # noqa: ANN401 - h5py has no types
    """Yield the rows of a matrix that is stored by columns: as many passes over it as its values fill blocks."""
    import numpy as np

    rows = _shape(matrix)[0]
    indptr = matrix["indptr"][:].astype(np.int64)
    counts = np.zeros(rows, dtype=np.int64)
    for low in range(0, max(1, int(indptr[-1])), BLOCK_CELLS):
        counts += np.bincount(matrix["indices"][low : low + BLOCK_CELLS], minlength=rows)
    starts = np.concatenate([[0], np.cumsum(counts)])
    first = 0
    while first < rows:
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + 4 * BLOCK_CELLS, side="right")) - 1)
        found: list[tuple[npt.NDArray[Any], npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
        for low in range(0, max(1, int(indptr[-1])), BLOCK_CELLS):
            at = matrix["indices"][low : low + BLOCK_CELLS].astype(np.int64)
            chosen = np.flatnonzero((at >= first) & (at < last))
            column = np.searchsorted(indptr, chosen + low, side="right") - 1
            found.append((matrix["data"][low : low + BLOCK_CELLS][chosen], at[chosen], column))
        values, at, column = (np.concatenate(part) for part in zip(*found, strict=True))
        order = np.lexsort((column, at))
        yield values[order], column[order], starts[first : last + 1] - starts[first]
        first = last


def _copy(matrix: Any, group: Any, name: str, items: Sequence[int], features: Sequence[int]) -> None:  # noqa: ANN401 - h5py has no types
    """Write the chosen rows and columns of a matrix into a new one, block by block; further axes of a dense one stay whole."""
    import numpy as np

    columns = _shape(matrix)[1]
    kept = np.zeros(_shape(matrix)[0], dtype=bool)
    kept[list(items)] = True
    if hasattr(matrix, "shape"):
        data = dense_dataset(group, name, (len(items), len(features), *matrix.shape[2:]), matrix.dtype)
        size, written = block_rows(math.prod(matrix.shape[1:])), 0
        for start in range(0, matrix.shape[0], size):
            block = matrix[start : start + size][kept[start : start + size]][:, list(features)]
            data[written : written + len(block)] = block
            written += len(block)
        return
    place = np.full(columns, -1, dtype=np.int64)
    place[list(features)] = np.arange(len(features))
    sparse = SparseRows(group, name, (len(items), len(features)), matrix["data"].dtype)
    first = 0
    for values, indices, indptr in _blocks(matrix, columns):
        lengths = np.diff(indptr)
        rows = np.repeat(np.arange(len(lengths)), lengths)
        chosen = kept[first : first + len(lengths)][rows] & (place[indices] >= 0)
        counts = np.bincount(rows[chosen], minlength=len(lengths))[kept[first : first + len(lengths)]]
        sparse.append(values[chosen], place[indices[chosen]], counts)
        first += len(lengths)
    sparse.close()


class SparseRows:
    """A sparse matrix by rows in an open h5ad file, written from its first row to its last."""

    def __init__(self, group: Any, name: str, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:  # noqa: ANN401 - h5py has no types
        import numpy as np

        self.group = group.create_group(name)
        self.group.attrs["encoding-type"], self.group.attrs["encoding-version"] = "csr_matrix", "0.1.0"
        self.group.attrs["shape"] = np.asarray(shape, dtype=np.int64)
        options = {"shape": (0,), "maxshape": (None,), "chunks": (_CHUNK,), "compression": "gzip", "compression_opts": 1}
        self.data = self.group.create_dataset("data", dtype=dtype, **options)
        self.indices = self.group.create_dataset("indices", dtype=np.int32, **options)
        self.starts = [np.zeros(1, dtype=np.int64)]

    def append(self, values: npt.NDArray[Any], columns: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> None:
        """Add rows: their values and columns one after the other, and how many each row has."""
        held = self.data.shape[0]
        for target, part in ((self.data, values), (self.indices, columns)):
            target.resize((held + len(part),))
            target[held:] = part
        self.starts.append(counts.cumsum() + held)

    def close(self) -> None:
        """Write where each row begins."""
        import numpy as np

        self.group.create_dataset("indptr", data=np.concatenate(self.starts))
