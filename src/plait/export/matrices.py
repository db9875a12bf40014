"""Rows of a stored matrix in another order, dense or sparse as it is, in blocks of bounded size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from plait.etl.sources.h5ad import SparseRows
from plait.etl.sources.matrix import BLOCK_CELLS, block_rows, dense_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt


def copy_rows(matrix: Any, group: Any, name: str, rows: npt.NDArray[np.intp]) -> None:  # noqa: ANN401 - h5py has no types
    """Write rows of a matrix `(n_rows, …)`, in their order, as a new one in an open h5ad file.

    Rows that stand next to each other are read at once; which are the same person's mostly do.

    Args:
        matrix: A dense array, or a sparse matrix by rows, as AnnData stores them.
        group: The open file.
        name: Where the new one goes.
        rows: Places of the rows.
    """
    if hasattr(matrix, "shape"):
        data = dense_dataset(group, name, (len(rows), *matrix.shape[1:]), matrix.dtype)
        written = 0
        for first, last in runs(rows, block_rows(math.prod(matrix.shape[1:]))):
            data[written : written + last - first] = matrix[first:last]
            written += last - first
        return
    starts = matrix["indptr"][:]
    sparse = SparseRows(group, name, (len(rows), int(matrix.attrs["shape"][1])), matrix["data"].dtype)
    for first, last in runs(rows, BLOCK_CELLS):
        for low, high in _small_enough(starts, first, last):
            begin, end = int(starts[low]), int(starts[high])
            sparse.append(matrix["data"][begin:end], matrix["indices"][begin:end], starts[low + 1 : high + 1] - starts[low:high])
    sparse.close()


def is_matrix(part: Any) -> bool:  # noqa: ANN401 - h5py has no types
    """Tell whether a part of a file is a matrix of numbers whose rows can be taken."""
    if hasattr(part, "dtype"):
        return part.dtype.kind in "biuf" and len(part.shape) > 1
    return str(part.attrs.get("encoding-type")) == "csr_matrix"


def runs(rows: npt.NDArray[np.intp], most: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the last but one of rows that stand next to each other, at most so many at once.

    >>> import numpy as np
    >>> list(runs(np.array([4, 5, 6, 0, 1, 9]), 2))
    [(4, 6), (6, 7), (0, 2), (9, 10)]
    """
    import numpy as np

    for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1):
        for start in range(0, len(run), most):
            part = run[start : start + most]
            yield int(part[0]), int(part[-1]) + 1


def _small_enough(starts: npt.NDArray[np.int64], first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield spans of the rows from `first` to before `last` that hold at most `BLOCK_CELLS` values, or are one row."""
    import numpy as np

    while first < last:
        after = int(np.searchsorted(starts, starts[first] + BLOCK_CELLS, side="right")) - 1
        after = max(first + 1, min(after, last))
        yield first, after
        first = after
