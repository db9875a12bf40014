"""Assays without the persons' items: values go from the old file to the new one in blocks, and everything else is as it was."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from plait.etl.sources.h5ad import SparseRows
from plait.etl.sources.matrix import block_rows, dense_dataset, open_h5
from plait.hashing import sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from plait.erasure.whom import Whom

_PARTIAL = ".partial"
_BLOCK_VALUES = 4 << 20


def assay_without(study: Path, entry: dict[str, Any], whom: Whom) -> dict[str, Any] | None:
    """Write an assay's file without the items of some persons; give its `path`, `sha256` and `items`, None where they have none in it."""
    import numpy as np
    from anndata.io import read_elem

    path = study / entry["path"]
    name = hashlib.sha256(f"{path.name} {whom.token}".encode()).hexdigest()[:20]
    target = path.with_name(f"{entry['assay']}.{name}.h5ad")
    with open_h5(path, "r") as before:
        obs = read_elem(before["obs"])
        keep = ~np.isin(obs["person_id"].to_numpy(dtype="int64", na_value=-1), np.asarray(whom.numbers))
        if keep.all():
            return None
        if not target.is_file():
            partial = target.with_name(target.name + _PARTIAL)
            with open_h5(partial, "w") as now:
                _copy(before, now, obs, keep)
            partial.replace(target)
    return {"path": f"{path.parent.name}/{target.name}", "sha256": sha256_of(target), "items": int(keep.sum())}


def _copy(before: Any, now: Any, obs: Any, keep: npt.NDArray[np.bool_]) -> None:  # noqa: ANN401 - h5py and pandas have no types here
    """Copy a file of AnnData, of what is of items those that are kept."""
    from anndata.io import write_elem

    now.attrs.update(before.attrs)
    write_elem(now, "obs", obs.iloc[keep])
    for name in before:
        if name in {"obs", "X", "layers"}:
            continue
        if name in {"obsm", "obsp"}:
            group = now.create_group(name)
            group.attrs.update(before[name].attrs)
            for part in before[name]:
                _rows(before[name][part], group, part, keep, both=name == "obsp")
        else:
            before.copy(before[name], now, name)
    _rows(before["X"], now, "X", keep)
    layers = now.create_group("layers")
    layers.attrs.update(before["layers"].attrs)
    for name in before["layers"]:
        if before["layers"][name] == before["X"]:
            layers[name] = now["X"]
        else:
            _rows(before["layers"][name], layers, name, keep)


def _rows(held: Any, group: Any, name: str, keep: npt.NDArray[np.bool_], *, both: bool = False) -> None:  # noqa: ANN401 - h5py has no types
    """Write the kept rows of an array, a sparse matrix by rows or a data frame; of a square one, the kept columns, too."""
    import h5py
    import numpy as np
    from anndata.io import read_elem, write_elem

    if isinstance(held, h5py.Dataset) and not both and held.dtype.kind in "biuf":
        data = dense_dataset(group, name, (int(keep.sum()), *held.shape[1:]), held.dtype)
        size, written = block_rows(int(np.prod(held.shape[1:]))), 0
        for start in range(0, held.shape[0], size):
            block = held[start : start + size][keep[start : start + size]]
            data[written : written + len(block)] = block
            written += len(block)
        data.attrs.update(held.attrs)
    elif not both and str(held.attrs.get("encoding-type")) == "csr_matrix":
        _sparse_rows(held, group, name, keep)
    else:
        whole = read_elem(held)
        rows = whole.iloc[keep] if hasattr(whole, "iloc") else whole[keep]
        write_elem(group, name, rows[:, keep] if both else rows)


def _sparse_rows(held: Any, group: Any, name: str, keep: npt.NDArray[np.bool_]) -> None:  # noqa: ANN401 - h5py has no types
    """Write the kept rows of a sparse matrix, some rows at a time."""
    import numpy as np

    indptr = held["indptr"][:].astype(np.int64)
    sparse = SparseRows(group, name, (int(keep.sum()), int(held.attrs["shape"][1])), held["data"].dtype)
    first = 0
    while first < len(keep):
        last = max(first + 1, int(np.searchsorted(indptr, indptr[first] + _BLOCK_VALUES, side="right")) - 1)
        low, high = indptr[first], indptr[last]
        lengths = np.diff(indptr[first : last + 1])
        chosen = np.repeat(keep[first:last], lengths)
        sparse.append(held["data"][low:high][chosen], held["indices"][low:high][chosen].astype(np.int64), lengths[keep[first:last]])
        first = last
    sparse.close()
