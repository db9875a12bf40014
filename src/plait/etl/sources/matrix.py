"""Matrices that sources deliver: items (samples or cells) by features (genes), read in blocks of bounded size.

A text matrix has a line per feature and a column per item; an h5ad file a row per item. Whoever stores a
matrix sees only blocks of items.
"""

from __future__ import annotations

import gzip
import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from plait.errors import InputFileError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from plait.etl.sources.folder import Source
    from plait.etl.sources.inventory import InputFile

BLOCK_CELLS = 4 << 20
"""Cells of a matrix that are in memory at one time: 32 MiB of doubles."""

_NO_VALUE = frozenset({"", "NA", "NaN", "nan", "null", "[Not Available]", "[Not Applicable]", "NP"})


@dataclass(frozen=True, slots=True)
class AssayFacts:
    """What is known of an assay's values.

    Attributes:
        assay: The assay's name, `SOURCE.NAME`.
        layer: What the values are (`counts`, `tpm`, `log1p`, `beta`, `gistic`, …).
        is_mean: Whether several items of one specimen are stored as their mean.
        genome_build: The reference genome, None where nobody says.
        platform: The instrument or panel.
        pipeline: What computed the values.
        unit: Their unit.
        barcode: What the items' names are: `tcga`, TCGA barcodes; None where they are any names.
    """

    assay: str
    layer: str
    is_mean: bool = False
    genome_build: str | None = None
    platform: str | None = None
    pipeline: str | None = None
    unit: str | None = None
    barcode: str | None = None


class Matrix(Protocol):
    """A matrix in a source file, its items and features numbered from 0 in the file's order.

    `not_kept` names parts of the file that are not stored.
    """

    facts: AssayFacts
    not_kept: tuple[str, ...]

    def store(self, group: Any, items: Sequence[int], features: Sequence[int], spill: Path) -> None:  # noqa: ANN401 - h5py has no types
        """Write the values of these items and features into an open h5ad file: `X`, and its layers."""
        ...

    def store_further(self, group: Any, items: Sequence[int]) -> None:  # noqa: ANN401 - h5py has no types
        """Write what else the file holds of these items: `obsm`."""
        ...

    def extra_columns(self) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        """Give further columns of items and of features, all of the file's."""
        ...


class MatrixReader(Protocol):
    """A reader that knows matrices."""

    def matrix(self, source: Source, file: InputFile) -> Matrix | None:
        """Give the matrix whose items are a file's records, None where the records are of another sort."""
        ...


def need_omics(what: str) -> None:
    """Fail where the packages for molecular data are not installed.

    Raises:
        MissingExtraError: They are not.
    """
    try:
        import anndata  # noqa: F401
        import h5py  # noqa: F401
    except ImportError:
        raise MissingExtraError(what, expected="anndata and h5py", got="neither is installed", todo="Install them: pip install 'plait[omics]'.") from None


def open_h5(path: Path, mode: Literal["r", "w"]) -> Any:  # noqa: ANN401 - h5py has no types
    """Open an HDF5 file."""
    need_omics(path.name)
    import h5py

    return h5py.File(path, mode)


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines of a text matrix: their record numbers from 1, names, and values `(n_lines, n_items) float64`; a bad line is all NaN."""

    records: list[int]
    names: list[list[str]]
    values: npt.NDArray[np.float64]
    faults: list[str | None]


class TextMatrix:
    """A matrix of text: a header with the items, then a line for each feature, its first columns naming the feature.

    Raises:
        InputFileError: The header names no item, or one twice.
    """

    not_kept = ()

    def __init__(self, path: Path, identifiers: frozenset[str], facts: AssayFacts) -> None:
        self.path, self.facts = path, facts
        header = next(self._lines(), None)
        if header is None:
            raise InputFileError(path, expected="a header that names the samples", got="an empty file", todo="Deliver it again.")
        self.identifiers = [name for name in header if name.lower() in identifiers]
        self.items = header[len(self.identifiers) :]
        if not self.identifiers or header[: len(self.identifiers)] != self.identifiers or not self.items:
            raise InputFileError(
                f"{path}:1",
                expected=f"columns {' or '.join(sorted(identifiers))}, then one for each sample",
                got=f"{len(header)} columns, {len(self.identifiers)} of which name features",
                todo="Mend the header.",
            )
        check_once(path, self.items, "samples")

    def blocks(self) -> Iterator[Block]:
        """Yield the file's lines in blocks of about `BLOCK_CELLS` cells."""
        import numpy as np

        size = max(1, BLOCK_CELLS // len(self.items))
        lines = self._lines()
        next(lines)
        width, first = len(self.identifiers), 1
        names: list[list[str]] = []
        faults: list[str | None] = []
        values = np.empty((size, len(self.items)))
        for fields in lines:
            row, fault = _numbers(fields[width:], len(self.items))
            names.append((fields + [""] * width)[:width])
            faults.append(fault)
            values[len(names) - 1] = np.nan if row is None else row
            if len(names) == size:
                yield Block(list(range(first, first + size)), names, values, faults)
                first, names, faults = first + size, [], []
        if names:
            yield Block(list(range(first, first + len(names))), names, values[: len(names)], faults)

    def summaries(self) -> tuple[list[str], list[list[int]], int]:
        """Give, for each item, a SHA-256 of its values and their features; how many are missing, infinite and negative; and the number of features."""
        import numpy as np

        hashes = [hashlib.sha256() for _ in self.items]
        counts = np.zeros((3, len(self.items)), dtype=np.int64)
        names, features = hashlib.sha256(), 0
        for block in self.blocks():
            by_item = np.ascontiguousarray(block.values.T)
            for digest, row in zip(hashes, by_item, strict=True):
                digest.update(row.tobytes())
            counts += [np.isnan(block.values).sum(axis=0), np.isinf(block.values).sum(axis=0), (block.values < 0).sum(axis=0)]
            names.update("\n".join("\t".join(name) for name in block.names).encode())
            features += sum(fault is None for fault in block.faults)
        for digest in hashes:
            digest.update(names.digest())
        return [digest.hexdigest() for digest in hashes], counts.tolist(), features

    def store(self, group: Any, items: Sequence[int], features: Sequence[int], spill: Path) -> None:  # noqa: ANN401 - h5py has no types
        """Write the values as `X`, dense and chunked by items; they are turned over by way of a file in `spill`."""
        import tempfile

        import numpy as np

        spill.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=spill) as turned:
            flat = np.memmap(turned, dtype=np.float64, mode="w+", shape=(max(1, len(items)), max(1, len(features))))
            place = {feature: number for number, feature in enumerate(features)}
            chosen = np.asarray(items, dtype=np.intp)
            for block in self.blocks():
                kept = [(place[record - 1], line) for line, record in enumerate(block.records) if record - 1 in place]
                if kept and len(items):
                    columns, lines = zip(*kept, strict=True)
                    flat[:, list(columns)] = block.values[list(lines)][:, chosen].T
            data = dense_dataset(group, "X", (len(items), len(features)), np.dtype(np.float64))
            for start in range(0, len(items), rows := block_rows(len(features))):
                data[start : start + rows] = flat[start : min(start + rows, len(items)), : len(features)]
            del flat

    def store_further(self, group: Any, items: Sequence[int]) -> None:  # noqa: ANN401 - h5py has no types
        """Write nothing more: a text matrix has no other parts."""

    def extra_columns(self) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        """Give no further columns: a text matrix has none."""
        return {}, {}

    def _lines(self) -> Iterator[list[str]]:
        opener = gzip.open if self.path.name.lower().endswith(".gz") else open
        with opener(self.path, "rt", encoding="utf-8-sig", newline=None) as text:
            for line in text:
                if line.strip() and not line.startswith("#"):
                    yield line.rstrip("\n").split("\t")


def check_once(path: Path, names: Sequence[str | None], what: str) -> None:
    """Fail where a name stands twice: it could not be said which of the two is meant; None is no name.

    Raises:
        InputFileError: Says how many, and where the first of them stand.
    """
    given = [name for name in names if name is not None]
    places: dict[str | None, int] = {}
    for number, name in enumerate(names, 1):
        if name is not None and name in places:
            raise InputFileError(
                path,
                expected=f"every one of the {len(given):,} {what} once",
                got=f"one name at places {places[name]:,} and {number:,}; {len(given) - len(set(given)):,} names too many",
                todo="Give each a name of its own, and deliver the file again.",
            )
        places[name] = number


def block_rows(columns: int) -> int:
    """Give how many rows of a matrix go into memory at one time."""
    return max(1, BLOCK_CELLS // max(1, columns))


def dense_dataset(group: Any, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:  # noqa: ANN401 - h5py has no types
    """Make a dense array of an h5ad file, in compressed chunks of whole rows of about 256 KiB: one row is one read."""
    rows = max(1, min(shape[0], (256 << 10) // max(1, math.prod(shape[1:]) * dtype.itemsize)))
    chunks = (rows, *shape[1:]) if all(shape) else None
    data = group.create_dataset(name, shape=shape, dtype=dtype, chunks=chunks, compression="gzip" if chunks else None, compression_opts=1 if chunks else None)
    data.attrs["encoding-type"], data.attrs["encoding-version"] = "array", "0.2.0"
    return data


def _numbers(fields: list[str], width: int) -> tuple[npt.NDArray[np.float64] | None, str | None]:
    """Give the values of a line, or why there are none."""
    import numpy as np

    if len(fields) != width:
        return None, "field_count"
    try:
        return np.asarray(fields, dtype=np.float64), None
    except ValueError:
        try:
            return np.asarray(["nan" if field.strip() in _NO_VALUE else field for field in fields], dtype=np.float64), None
        except ValueError:
            return None, "invalid_number"
