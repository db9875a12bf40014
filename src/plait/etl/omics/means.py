"""Several aliquots of one specimen as one item: the mean of their values."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

from plait.etl.sources.h5ad import SparseRows
from plait.etl.sources.matrix import dense_dataset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from plait.etl.sources.matrix import Matrix


def store_means(matrix: Matrix, group: Any, members: Sequence[Sequence[int]], chosen: Sequence[Sequence[int]], spill: Path) -> None:  # noqa: ANN401 - h5py has no types
    """Write a matrix and its layers into an open h5ad file, one row for the items of each specimen.

    Args:
        matrix: The source's matrix.
        group: The open file.
        members: Places of each specimen's items among those chosen.
        chosen: Items and features of the matrix that are stored.
        spill: Folder for what is in between.
    """
    import h5py

    spill.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=spill, suffix=".h5") as between, h5py.File(between.name, "w") as apart:
        apart.create_group("layers")
        matrix.store(apart, chosen[0], chosen[1], spill)
        for name in ("X", *(f"layers/{layer}" for layer in apart["layers"])):
            _store_mean(apart[name], group, name, members, len(chosen[1]))


def _store_mean(rows: Any, group: Any, name: str, members: Sequence[Sequence[int]], features: int) -> None:  # noqa: ANN401 - h5py has no types
    import h5py
    import numpy as np

    if isinstance(rows, h5py.Dataset):
        data = dense_dataset(group, name, (len(members), features), np.dtype(np.float64))
        for number, places in enumerate(members):
            data[number] = np.mean([rows[place] for place in places], axis=0, dtype=np.float64)
        return
    indptr = rows["indptr"][:]
    sparse = SparseRows(group, name, (len(members), features), np.dtype(np.float64))
    for places in members:
        total: npt.NDArray[np.float64] = np.zeros(features)
        for place in places:
            first, last = indptr[place : place + 2]
            total[rows["indices"][first:last]] += rows["data"][first:last]
        held = np.flatnonzero(total)
        sparse.append(total[held] / len(places), held, np.asarray([len(held)]))
    sparse.close()
