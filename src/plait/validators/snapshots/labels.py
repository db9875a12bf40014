"""Labels among features: by name, and by value, where a feature says what the label says and chance does not explain it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from plait.validators.snapshots.reading import Snapshot, View

    Doubles = npt.NDArray[np.float64]

_NO_LABELS = frozenset({"person_id", "prediction_time", "subject_id", "cohort_definition_id", "cohort_start_date", "cohort_end_date"})
"""Columns of an index that say which row it is."""

_ALL_BUT = 1e-6
"""How far from 1 the squared correlation of a perfect pair may be: what single precision makes of a number that was a double."""

_LIKELY = 1e-3
"""How far from 1 it may be by sums that are not centred; such features are looked at one by one."""

_CHANCE = 0.001


def label_columns(snapshot: Snapshot) -> tuple[str, ...]:
    """Give the columns of the index that are labels: those that its cohort declares, else all that do not say which row it is."""
    index = snapshot.index
    if index is None:
        return ()
    declared = (snapshot.lineage.get("cohort") or {}).get("labels")
    if declared:
        named = {f"{name}{ending}" for name in declared for ending in ("", "_days", "_event")}
        return tuple(name for name in index.columns if name in named)
    return tuple(name for name in index.columns if name not in _NO_LABELS)


def leaks(snapshot: Snapshot) -> tuple[list[tuple[str, str, str, str]], int] | str:
    """Give features that are labels: `view`, `feature`, `label` and how it shows; and how many features there are.

    By value, a feature is a label where, over the rows that have both, it is the label times a number plus another (a squared correlation of 1), and
    the label takes its values in so many orders that chance gives no such feature: with values that occur a, b, … times in n rows there are
    n! / (a! b! …) orders, two of which a random feature with as many ties may be perfect in; over all features of the snapshot this must have
    been expected less than once in 1,000 snapshots. So a rare outcome that some rare code happens to go with is no leak.
    """
    labels = label_columns(snapshot)
    if not labels:
        return "its index has no labels"
    total = sum(len(view.names) for view in snapshot.whole_views)
    lower = {name.lower(): name for name in labels}
    found = [
        (view.name, feature, lower[one.lower()], "its name")
        for view in snapshot.whole_views
        for feature in view.names
        for one in (feature, f"{view.name}.{feature}")
        if one.lower() in lower
    ]
    numbers = {name: held for name in labels if (held := _numbers(snapshot, name)) is not None}
    for view in snapshot.whole_views:
        for label, known in numbers.items():
            found += [(view.name, view.names[place], label, "its values") for place in _same(view, known, total)]
    return sorted(set(found)), total


def _numbers(snapshot: Snapshot, label: str) -> Doubles | None:
    """Give a label as numbers, NaN where it is not known; None of one that is no number."""
    import polars as pl

    assert snapshot.index is not None  # noqa: S101 - for the type checker: it has labels
    column = snapshot.index[label]
    if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        return None
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _same(view: View, label: Doubles, features: int) -> list[int]:
    """Give the features of a view that say what a label says."""
    if view.kind == "aligned":
        return [places.start + place for places, values, observed in view.columns() for place in _perfect(values, observed, label, features)]
    if view.kind == "ragged":
        return []
    found: list[int] = []
    suspects = _suspects(view, label)
    step = max((1 << 22) // max(view.rows, 1), 1)
    for first in range(0, len(suspects), step):
        some = suspects[first : first + step]
        found += [int(some[place]) for place in _perfect(*view.spread(some), label, features)]
    return found


def _suspects(view: View, label: Doubles) -> npt.NDArray[np.int64]:
    """Give the features of a sparse view that may go with a label perfectly: by sums over what is stored, and over the rows whose silence is a 0."""
    arrays, total = view.arrays, len(view.names)
    is_known = ~np.isnan(label)
    y = np.where(is_known, label - (label[is_known].mean() if is_known.any() else 0), 0.0)
    silent = (np.asarray(arrays["silence"]) == 0) & is_known[:, None]
    group = np.asarray(arrays["group_of"])
    count, of_y, of_yy = silent.sum(axis=0)[group].astype(np.float64), (y @ silent)[group], ((y * y) @ silent)[group]
    of_x, of_xx, of_xy = np.zeros(total), np.zeros(total), np.zeros(total)
    for here, rows in view.entries():
        feature, x = np.asarray(arrays["features"][here]), np.asarray(arrays["entries"][here], np.float64)
        there = (arrays["codes"][here] == 0) & is_known[rows]
        more = there.astype(np.float64) - silent[rows, group[feature]]
        x = np.where(there, x, 0.0)
        sums = ((count, more), (of_y, more * y[rows]), (of_yy, more * y[rows] ** 2), (of_x, x), (of_xx, x * x), (of_xy, x * y[rows]))
        for into, part in sums:
            np.add(into, np.bincount(feature, weights=part, minlength=total), out=into)
    with np.errstate(invalid="ignore", divide="ignore"):
        squared = (of_xy - of_x * of_y / count) ** 2 / ((of_xx - of_x**2 / count) * (of_yy - of_y**2 / count))
    return np.flatnonzero(squared >= 1 - _LIKELY)


def _perfect(values: npt.NDArray[np.float32], observed: npt.NDArray[np.bool_], label: Doubles, features: int) -> list[int]:
    """Give the columns of a block that go with a label perfectly, and not by chance."""
    there = observed & ~np.isnan(label)[:, None] & np.isfinite(values)
    count = there.sum(axis=0)
    x = np.where(there, values, 0).astype(np.float64)
    y = np.where(there, label[:, None], 0.0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        x = np.where(there, x - x.sum(axis=0) / count, 0.0)
        y = np.where(there, y - y.sum(axis=0) / count, 0.0)
        squared = (x * y).sum(axis=0) ** 2 / ((x * x).sum(axis=0) * (y * y).sum(axis=0))
    suspects = np.flatnonzero(squared >= 1 - _ALL_BUT)
    return [int(place) for place in suspects if _log_orders(label[there[:, place]]) > math.log(2 * features / _CHANCE)]


def _log_orders(label: Doubles) -> float:
    """Give the logarithm of the number of orders in which values can stand."""
    ties = np.unique(label, return_counts=True)[1]
    return math.lgamma(len(label) + 1) - sum(math.lgamma(tie + 1) for tie in ties.tolist())
