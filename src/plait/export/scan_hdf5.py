"""What stands in an HDF5 file (AnnData, MuData) as text: names, attributes, and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator
    from pathlib import Path

SUFFIXES = frozenset({".h5ad", ".h5mu", ".h5"})
_AT_ONCE = 1 << 16
_SHORTEST = 6
"""Whole numbers are looked at from so many digits on: new ids are small ones."""


def texts_of(path: Path, identifiers: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Yield every name, attribute and different text of a file, with its place in it; and the whole numbers of what is called like an identifier.

    Args:
        path: The file.
        identifiers: What names of identifiers match.
    """
    import h5py

    with h5py.File(path, "r") as file:
        yield from _attributes("/", file)
        for name, part in _parts(file):
            yield name, name.rpartition("/")[2]
            yield from _attributes(name, part)
            if isinstance(part, h5py.Dataset):
                yield from _values(name, part, identifiers)


def _parts(group: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - h5py has no types
    for name in group:
        part = group[name]
        yield part.name, part
        if hasattr(part, "keys"):
            yield from _parts(part)


def _attributes(name: str, part: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - h5py has no types
    for key, value in part.attrs.items():
        yield name, str(key)
        for one in value.tolist() if getattr(value, "ndim", 0) else [value]:
            if isinstance(one, str | bytes):
                yield name, _text(one)


def _values(name: str, part: Any, identifiers: re.Pattern[str]) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - h5py has no types
    is_number = part.dtype.kind in "iu" and identifiers.search(name) is not None and not name.endswith("/codes")
    if part.dtype.kind not in "OSU" and not is_number:
        return
    if part.shape == ():
        yield name, _text(part[()])
        return
    for start in range(0, len(part), _AT_ONCE):
        for value in set(part[start : start + _AT_ONCE].ravel().tolist()):
            text = _text(value)
            if not is_number or len(text) >= _SHORTEST:
                yield name, text


def _text(value: Any) -> str:  # noqa: ANN401 - what HDF5 holds
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
