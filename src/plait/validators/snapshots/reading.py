"""A snapshot as it lies on the disk, read part by part: what cannot be read is said, and the rest is examined all the same.

It is read by the layout alone (`plait.schema.snapshots`), not by the feature store that wrote it.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from plait.schema.reasons import Reason
from plait.schema.snapshots import FITTED_FOLDER, INDEX_FILE, MANIFEST_FILE, SPLIT_FILE, TABLE_FILE, VIEWS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl

    Array = npt.NDArray[Any]

_NUMBERS_AT_ONCE = 1 << 22
"""How many values are held in memory at a time."""

_DAY_US = 86_400_000_000

_ARRAYS = {
    "aligned": ("values", "reason", "age_days", "n_obs", "filled"),
    "sparse": ("starts", "features", "entries", "codes", "entry_age_days", "entry_n_obs", "silence", "group_of"),
    "ragged": ("starts", "codes", "values", "age_days", "reason"),
}
"""The arrays of each kind of answer; one that was imputed has those of `aligned`, and `draws` where there were several."""


class View:
    """What a view answers in a snapshot.

    Args:
        folder: The folder of its arrays.
        said: What `table.json` says of it.
    """

    def __init__(self, folder: Path, said: dict[str, Any]) -> None:
        self.name: str = said["view"]
        self.kind: Literal["aligned", "sparse", "ragged"] = "aligned" if said["kind"] == "imputed" else said["kind"]
        self.names: tuple[str, ...] = tuple(said.get("names", ()))
        self.kinds: tuple[str, ...] = tuple(said.get("kinds", ()))
        self._said, self._folder = said, folder

    @cached_property
    def arrays(self) -> dict[str, Array]:
        """The arrays that can be read, memory-mapped."""
        found = {}
        for file in sorted(self._folder.glob("*.npy")):
            try:
                found[file.stem] = np.load(file, mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError, EOFError):
                continue
        return found

    @cached_property
    def missing(self) -> list[str]:
        """Arrays that are not there, or cannot be read."""
        return [name for name in _ARRAYS[self.kind] if name not in self.arrays]

    @cached_property
    def vocabulary(self) -> Array | tuple[str, ...]:
        """What the codes of sequences stand for."""
        return self.arrays["vocabulary"] if "vocabulary" in self.arrays else tuple(self._said.get("vocabulary", ()))

    @property
    def rows(self) -> int:
        """How many rows its values have."""
        return len(self.arrays["values"] if self.kind == "aligned" else self.arrays["silence"] if self.kind == "sparse" else self.arrays["reason"])

    @cached_property
    def rows_of_entries(self) -> Array:
        """The row of each entry or event, where only what was found is stored."""
        starts = np.asarray(self.arrays["starts"], np.int64)
        return np.repeat(np.arange(len(starts) - 1), np.diff(starts))

    def blocks(self, *names: str) -> Iterator[tuple[slice, tuple[Array, ...]]]:
        """Give arrays of an aligned view some rows at a time, each spread to the shape of the values."""
        values = self.arrays["values"]
        step = max(_NUMBERS_AT_ONCE // max(values.shape[1], 1), 1)
        for first in range(0, len(values), step):
            rows = slice(first, min(first + step, len(values)))
            shape = values[rows].shape
            yield rows, tuple(np.broadcast_to(self.arrays[name][rows], shape) for name in names)

    def columns(self) -> Iterator[tuple[slice, Array, Array]]:
        """Give the values of an aligned view and whether each was observed, `(n_rows, n)`, some features at a time."""
        step = max(_NUMBERS_AT_ONCE // max(self.rows, 1), 1)
        for first in range(0, len(self.names), step):
            places = slice(first, min(first + step, len(self.names)))
            values, codes = np.asarray(self.arrays["values"][:, places]), self.arrays["reason"]
            yield places, values, np.broadcast_to((codes if codes.shape[1] == 1 else codes[:, places]) == Reason.OBSERVED, values.shape)

    def entries(self) -> Iterator[tuple[slice, Array]]:
        """Give the entries of a sparse view and their rows, some at a time."""
        count = len(self.arrays["entries"])
        for first in range(0, count, _NUMBERS_AT_ONCE):
            here = slice(first, min(first + _NUMBERS_AT_ONCE, count))
            yield here, np.searchsorted(self.arrays["starts"], np.arange(here.start, here.stop), side="right") - 1

    def spread(self, features: Array) -> tuple[Array, Array]:
        """Give some features of a sparse view as if every value were stored, and whether each was observed `(n_rows, n)`."""
        arrays = self.arrays
        observed = np.asarray(arrays["silence"])[:, arrays["group_of"][features]] == Reason.OBSERVED
        values = np.where(observed, np.float32(0), np.float32(np.nan))
        place = np.full(len(self.names), -1)
        place[features] = np.arange(len(features))
        for here, rows in self.entries():
            column = place[arrays["features"][here]]
            at = rows[column >= 0], column[column >= 0]
            values[at], observed[at] = arrays["entries"][here][column >= 0], arrays["codes"][here][column >= 0] == Reason.OBSERVED
        return values, observed


class Snapshot:
    """A snapshot.

    Args:
        path: Its folder.
        name: What checks call it.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name

    @cached_property
    def manifest(self) -> dict[str, Any] | None:
        """What its manifest says, None where it has none that can be read."""
        return _json(self.path / MANIFEST_FILE)

    @cached_property
    def table(self) -> dict[str, Any] | None:
        """What `table.json` says."""
        return _json(self.path / TABLE_FILE)

    @cached_property
    def split(self) -> dict[str, Any] | None:
        """The split that its rows are a part of."""
        return _json(self.path / SPLIT_FILE)

    @cached_property
    def fitted(self) -> dict[str, Any] | None:
        """What was fitted, without its numbers."""
        return _json(self.path / FITTED_FOLDER / "fitted.json")

    @cached_property
    def index(self) -> pl.DataFrame | None:
        """The index rows; None where they cannot be read."""
        import polars as pl

        try:
            frame = pl.read_parquet(self.path / INDEX_FILE)
        except (OSError, pl.exceptions.PolarsError):
            return None
        names = {"person_id", "prediction_time"}
        return frame if names <= set(frame.columns) and not any(frame[name].null_count() for name in names) else None

    @cached_property
    def views(self) -> tuple[View, ...]:
        """The views that it says it has."""
        try:
            return tuple(View(self.path / VIEWS_FOLDER / said["view"], said) for said in (self.table or {})["views"])
        except (KeyError, TypeError):
            return ()

    @cached_property
    def whole_views(self) -> tuple[View, ...]:
        """Those whose arrays are all there, for as many rows as the index has."""
        return tuple(view for view in self.views if not view.missing and self.index is not None and fits(view, self.index.height))

    @property
    def lineage(self) -> dict[str, Any]:
        """What it rests on."""
        return dict((self.table or {}).get("lineage") or {})

    @property
    def clock(self) -> str:
        """The clock that it was asked by."""
        return str((self.table or {}).get("clock", "known"))

    @property
    def version(self) -> int:
        """The version of the study that answered."""
        return int((self.table or {}).get("version", 0))

    @property
    def part(self) -> str | None:
        """The part of the split that its rows are."""
        return (self.table or {}).get("part")

    def recipe(self, view: str) -> list[dict[str, Any]]:
        """Give the steps that were applied to a view's values."""
        return list(((self.fitted or {}).get("recipes") or {}).get(view, ())) if (self.table or {}).get("is_fitted") else []

    @cached_property
    def at(self) -> npt.NDArray[np.int64]:
        """The moment of each row in microseconds since 1970; of a date, the last microsecond of its day."""
        import polars as pl

        assert self.index is not None  # noqa: S101 - for the type checker: who calls has looked
        times = self.index["prediction_time"]
        last = _DAY_US - 1 if times.dtype == pl.Date else 0
        return times.cast(pl.Datetime("us")).cast(pl.Int64).to_numpy() + last

    @cached_property
    def persons(self) -> npt.NDArray[np.int64]:
        """The person of each row."""
        import polars as pl

        assert self.index is not None  # noqa: S101 - for the type checker: who calls has looked
        return self.index["person_id"].cast(pl.Int64).to_numpy()


def fits(view: View, rows: int) -> bool:
    """Say whether the arrays of a view are of so many rows, and fit each other."""
    arrays = view.arrays
    if view.kind == "aligned":
        shape = arrays["values"].shape
        others = [arrays[name] for name in ("reason", "age_days", "n_obs", "filled")]
        draws = arrays.get("draws")
        same = all(one.ndim == 2 and len(one) in {rows, 1} and one.shape[1] in {shape[1], 1} for one in others)  # noqa: PLR2004 - rows and features
        return len(shape) == 2 and shape[0] == rows and same and len(arrays["reason"]) == rows and (draws is None or draws.shape[1:] == shape)  # noqa: PLR2004
    starts = arrays["starts"]
    held = arrays["entries" if view.kind == "sparse" else "codes"]
    is_run = len(starts) == rows + 1 and starts[0] == 0 and starts[-1] == len(held) and bool((np.diff(starts) >= 0).all())
    each = ("features", "codes", "entry_age_days", "entry_n_obs") if view.kind == "sparse" else ("values", "age_days")
    same = all(arrays[name].shape == held.shape for name in each)
    return is_run and same and len(arrays["silence" if view.kind == "sparse" else "reason"]) == rows


def _json(file: Path) -> dict[str, Any] | None:
    """Give what a file says, None where it cannot be read."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) else None
