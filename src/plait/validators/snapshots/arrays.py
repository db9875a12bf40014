"""The rules of a snapshot's arrays: each value with its reason, whether it was filled, its age and its range. Counted block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from plait.validators.snapshots.reading import Snapshot, View

    Array = npt.NDArray[Any]
    Flags = npt.NDArray[np.bool_]

_ALLOWED = np.zeros(256, np.bool_)
_ALLOWED[[int(reason) for reason in Reason if reason not in {Reason.NOT_YET_KNOWN, Reason.DROPPED}]] = True
"""Reasons that a snapshot may hold: NOT_YET_KNOWN tells of the future, and DROPPED is a loader's."""

_FRAILTY = "926"
"""What the id of FeatureExtraction's Hospital Frailty Risk Score ends with: its weights have tenths."""

_CONTAINED = 1e-6
"""How far below 0 an age may lie, in days: what float32 makes of 0."""


class Offence(NamedTuple):
    """Values of a view that offend a rule.

    Attributes:
        rows: Their rows.
        features: Their features' places; of a sequence, the events' places in the row; -1 for what is said of a row as a whole.
        of: How many values were looked at.
    """

    rows: Array
    features: Array
    of: int


def reasons(snapshot: Snapshot, view: View) -> Iterator[Offence]:
    """Give values whose reason no snapshot may hold."""
    del snapshot
    if view.kind == "aligned":
        for rows, (codes,) in view.blocks("reason"):
            yield _at(rows, ~_ALLOWED[codes])
    elif view.kind == "sparse":
        yield _entries(view, ~_ALLOWED[view.arrays["codes"]])
        yield _at(slice(0, None), ~_ALLOWED[view.arrays["silence"]], is_whole=True)
    else:
        yield _at(slice(0, None), ~_ALLOWED[view.arrays["reason"]][:, None], is_whole=True)


def masks(snapshot: Snapshot, view: View) -> Iterator[Offence]:
    """Give values that are there and were neither observed nor filled, or the other way round."""
    del snapshot
    if view.kind == "aligned":
        for rows, (values, codes, filled) in view.blocks("values", "reason", "filled"):
            yield _at(rows, np.isnan(values) == ((codes == Reason.OBSERVED) | filled))
    elif view.kind == "sparse":
        yield _entries(view, np.isnan(view.arrays["entries"]) == (view.arrays["codes"] == Reason.OBSERVED))
    else:
        lengths = np.diff(view.arrays["starts"])
        yield _at(slice(0, None), ((lengths > 0) != (view.arrays["reason"] == Reason.OBSERVED))[:, None], is_whole=True)


def filled(snapshot: Snapshot, view: View) -> Iterator[Offence]:
    """Give values that were observed and filled at once, or filled though nothing was fitted."""
    if view.kind != "aligned":
        return
    may_fill = bool((snapshot.table or {}).get("is_fitted")) and (snapshot.fitted or {}).get("imputer") is not None
    for rows, (codes, made) in view.blocks("reason", "filled"):
        yield _at(rows, made & ((codes == Reason.OBSERVED) | (not may_fill)))


def ranges(snapshot: Snapshot, view: View) -> Iterator[Offence]:
    """Give values that cannot be: not finite, a count below 0 or between whole numbers, an indicator that is neither 0 nor 1.

    Counts and indicators are what the query gave; where a recipe or an imputer made them, only finiteness is asked for.
    """
    if view.kind == "ragged":
        values = np.asarray(view.arrays["values"])
        codes = np.asarray(view.arrays["codes"])
        wrong = np.isinf(values) | (codes < 0) | (codes >= max(len(view.vocabulary), 1))
        yield Offence(*_of_events(view, wrong), len(values))
        return
    kinds = _kinds(snapshot, view)
    is_count, is_flag = kinds == "count", kinds == "indicator"
    if view.kind == "sparse":
        held, of = np.asarray(view.arrays["entries"]), np.asarray(view.arrays["features"])
        observed = np.asarray(view.arrays["codes"]) == Reason.OBSERVED
        is_inside = (of >= 0) & (of < len(kinds))
        place = np.where(is_inside, of, 0)
        wrong = ~is_inside | np.isinf(held)
        if len(kinds):
            wrong |= observed & ((is_count[place] & _no_count(held)) | (is_flag[place] & _no_flag(held)))
        yield _entries(view, wrong | (np.asarray(view.arrays["entry_n_obs"]) < 0))
        return
    for rows, (values, codes, n_obs) in view.blocks("values", "reason", "n_obs"):
        observed = codes == Reason.OBSERVED
        wrong = np.isinf(values) | (n_obs < 0)
        if values.shape[1] == len(kinds):
            wrong |= observed & ((is_count[None, :] & _no_count(values)) | (is_flag[None, :] & _no_flag(values)))
        yield _at(rows, wrong)
    draws = view.arrays.get("draws")
    for draw in () if draws is None else draws:
        yield _at(slice(0, None), np.isinf(np.asarray(draw)))


def ages(snapshot: Snapshot, view: View) -> Iterator[Offence]:
    """Give values that are of a time after their row's moment, and sequences that do not begin with their oldest event.

    OHDSI's clock looks at ends that lie in the future: of it, nothing is said.
    """
    if snapshot.clock != "known":
        return
    if view.kind == "aligned":
        for rows, (age,) in view.blocks("age_days"):
            yield _at(rows, age < -_CONTAINED)
        return
    age = np.asarray(view.arrays["entry_age_days" if view.kind == "sparse" else "age_days"])
    if view.kind == "sparse":
        yield _entries(view, age < -_CONTAINED)
        return
    of = view.rows_of_entries
    is_later = np.zeros(len(age), np.bool_)
    is_later[1:] = (of[1:] == of[:-1]) & (age[1:] > age[:-1])
    yield Offence(*_of_events(view, (age < -_CONTAINED) | is_later | np.isnan(age)), len(age))


def _kinds(snapshot: Snapshot, view: View) -> Array:
    """Give what each feature is; all are values where a recipe made them, and so is the one score of FeatureExtraction that has tenths."""
    said = (snapshot.lineage.get("views") or {}).get(view.name) or {}
    kinds = np.asarray(view.kinds or ("value",) * len(view.names), np.str_)
    has_tenths = [said.get("modality") == "covariates" and name.endswith(_FRAILTY) for name in view.names]
    return np.where(np.asarray(has_tenths, np.bool_) | bool(snapshot.recipe(view.name)), "value", kinds)


def _no_count(values: Array) -> Flags:
    with np.errstate(invalid="ignore"):
        wrong: Flags = (values < 0) | (values != np.floor(values))
    return wrong


def _no_flag(values: Array) -> Flags:
    wrong: Flags = (values != 0) & (values != 1)
    return wrong


def _at(rows: slice, wrong: Flags, *, is_whole: bool = False) -> Offence:
    """Give the places of flags in a block that begins at a row."""
    row, feature = np.nonzero(wrong)
    return Offence(row + (rows.start or 0), np.full(len(row), -1) if is_whole else feature, int(wrong.size))


def _entries(view: View, wrong: Flags) -> Offence:
    """Give the places of entries."""
    places = np.flatnonzero(wrong)
    return Offence(view.rows_of_entries[places], np.asarray(view.arrays["features"])[places], len(wrong))


def _of_events(view: View, wrong: Flags) -> tuple[Array, Array]:
    """Give the rows of events, and their places within them."""
    places = np.flatnonzero(wrong)
    rows = view.rows_of_entries[places]
    return rows, places - np.asarray(view.arrays["starts"])[rows]


RULES: dict[str, Callable[[Snapshot, View], Iterator[Offence]]] = {
    "snapshotReason": reasons,
    "snapshotMask": masks,
    "snapshotFilled": filled,
    "snapshotRange": ranges,
    "snapshotAge": ages,
}
"""The rules of values, by the check that counts them."""
