"""Texts of files of arrays: HDF5 (AnnData, MuData), NumPy, safetensors."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

from plait.errors import MissingExtraError
from plait.export.scanning.contents import Content, names
from plait.export.scanning.finder import IDENTIFIERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ROWS = 1 << 16


def hierarchical(path: Path, place: str) -> Iterator[Content]:
    """Yield the texts of an HDF5 file: names of groups and data sets, attributes, and every data set of texts, `uns` included.

    Raises:
        MissingExtraError: `h5py` is not installed.
    """
    if importlib.util.find_spec("h5py") is None:
        raise MissingExtraError(place, expected="h5py", got="none", todo="pip install 'plait[imaging]'.")
    import h5py

    with h5py.File(path) as file:
        found: list[tuple[str, Any]] = [("", file)]
        file.visititems(lambda name, item: found.append((name, item)))
        yield names(f"{place}, the name of an array", [name for name, _ in found])
        for name, item in found:
            for key, value in item.attrs.items():
                yield names(f"{place}, attribute of {name or '/'}", [key, *_texts(value)])
            if isinstance(item, h5py.Dataset):
                yield from _of_dataset(item, f"{place}, {name}", name)


def _of_dataset(item: Any, place: str, name: str) -> Iterator[Content]:  # noqa: ANN401 - h5py has no types
    """Yield the texts of a data set, in batches of its first axis; whole numbers where its name says that they may be identifiers."""
    import numpy as np
    import polars as pl

    kind = item.dtype
    fields = kind.fields or {}
    if fields:
        yield names(f"{place}, a field's name", list(fields))
    is_number = kind.kind in "iu" and IDENTIFIERS.search(name) is not None and item.ndim <= 1
    if kind.kind not in "OSUV" and not is_number:
        return
    if item.shape is None:
        return
    if item.shape == ():
        yield Content(place, pl.Series("text", list(_texts(item[()])), pl.String), is_number=is_number)
        return
    for start in range(0, item.shape[0], _ROWS):
        block = np.asarray(item[start : start + _ROWS])
        texts = list(map(str, block.tolist())) if is_number else list(_texts(block))
        yield Content(place, pl.Series("text", texts, pl.String), is_number=is_number)


def numpy(path: Path, place: str) -> Iterator[Content]:
    """Yield the texts of an array of NumPy; one of Python's own objects is not opened, for it could run anything."""
    import numpy as np

    array = np.load(path, mmap_mode="r", allow_pickle=False)
    yield names(place, [*(array.dtype.names or ()), *(_texts(np.asarray(array)) if array.dtype.kind in "SUV" else ())])


def tensors(path: Path, place: str) -> Iterator[Content]:
    """Yield the names and the metadata of a file of tensors; the rest are numbers."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
    yield names(place, [*header, *(str(text) for pair in header.get("__metadata__", {}).items() for text in pair)])


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - whatever an array holds
    """Yield the texts in a value, an array or a record."""
    import numpy as np

    if isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, str):
        yield value
    elif isinstance(value, np.ndarray) and value.dtype.kind in "OSUV":
        for one in value.ravel().tolist():
            yield from _texts(one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _texts(one)
