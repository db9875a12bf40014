"""What a view with thousands of mostly silent features answers: only what was found is stored, and of each row what silence means.

It has every attribute of `Aligned`, made when it is asked for; choosing rows and features, `present` and `to_csr` never make the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from plait.featurestore.aligned import Aligned, Presence, first_reason
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from scipy.sparse import csr_array

    from plait.featurestore.aligned import Codes, Flags, Floats, Rows


@dataclass(frozen=True, eq=False)
class Sparse:
    """What one view answers to n rows, as entries of a CSR array.

    Attributes:
        view: The view's name.
        names: Name of each feature, `(n_features,)`.
        starts: Where each row's entries begin, and the last one's end, `(n_rows + 1,) int64`.
        features: The feature of each entry, ascending within a row, `(n_entries,) int64`.
        entries: Its value, NaN where it has none, `(n_entries,) float32`.
        codes: Code of `Reason` of each entry: OBSERVED, or why something that was found is no value, `(n_entries,) uint8`.
        entry_age_days: Days from its event to the row's moment, `(n_entries,) float32`.
        entry_n_obs: How many observations it was made of, `(n_entries,) int32`.
        silence: What it means that a row has no entry, by group of features: OBSERVED says that the value is 0, `(n_rows, n_groups) uint8`.
        group_of: The group of each feature, `(n_features,) int64`.
        presence: How the row as a whole follows.
        kinds: What each feature is.
    """

    view: str
    names: tuple[str, ...]
    starts: npt.NDArray[np.int64]
    features: npt.NDArray[np.int64]
    entries: Floats
    codes: Codes
    entry_age_days: Floats
    entry_n_obs: npt.NDArray[np.int32]
    silence: Codes
    group_of: npt.NDArray[np.int64]
    presence: Presence = field(default_factory=Presence)
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", self.kinds or ("value",) * len(self.names))

    def __len__(self) -> int:
        return len(self.silence)

    @cached_property
    def dense(self) -> Aligned:
        """The same answer with an array for each part, `(n_rows, n_features)`."""
        shape = (len(self), len(self.names))
        codes = self.silence[:, self.group_of]
        values = np.where(codes == Reason.OBSERVED, np.float32(0), np.float32(np.nan))
        age, n_obs = np.full(shape, np.nan, np.float32), np.zeros(shape, np.int32)
        for array, entries in ((values, self.entries), (codes, self.codes), (age, self.entry_age_days), (n_obs, self.entry_n_obs)):
            array[self._rows, self.features] = entries
        return Aligned(self.view, self.names, values, codes, age, n_obs, presence=self.presence, kinds=self.kinds)

    values = property(lambda self: self.dense.values, doc="`(n_rows, n_features) float32`, NaN where not observed.")
    reason = property(lambda self: self.dense.reason, doc="Code of `Reason` of each value, `(n_rows, n_features) uint8`.")
    observed = property(lambda self: self.dense.observed, doc="Whether each value was observed, `(n_rows, n_features) bool`.")
    age_days = property(lambda self: self.dense.age_days, doc="Days from each value's event to the row's moment, `(n_rows, n_features) float32`.")
    n_obs = property(lambda self: self.dense.n_obs, doc="How many observations each value was made of, `(n_rows, n_features) int32`.")
    filled = property(lambda self: self.dense.filled, doc="Values that an imputer made: none, `(n_rows, n_features) bool`.")

    @cached_property
    def present(self) -> Flags:
        """Whether the view is there for each row, by its presence rule, `(n_rows,) bool`."""
        total = len(self.names)
        sizes = np.bincount(self.group_of, minlength=self.silence.shape[1])
        cells = self._rows * self.silence.shape[1] + self.group_of[self.features]
        silent = sizes[None, :] - np.bincount(cells, minlength=self.silence.size).reshape(self.silence.shape)
        observed = np.bincount(self._rows, weights=self.codes == Reason.OBSERVED, minlength=len(self))
        observed += np.where(self.silence == Reason.OBSERVED, silent, 0).sum(axis=1)
        share = observed / total if total else np.zeros(len(self))
        return self.presence.met_by(share)

    @cached_property
    def row_reason(self) -> Codes:
        """Why the view is there or not for each row, `(n_rows,) uint8`."""
        missing = first_reason(self.silence) if self.silence.shape[1] else np.full(len(self), Reason.NOT_CAPTURED, np.uint8)
        if len(self.codes):
            found = np.full(len(self), Reason.OBSERVED, np.uint8)
            for code in np.unique(self.codes):
                if code != Reason.OBSERVED:
                    rows = np.unique(self._rows[self.codes == code])
                    found[rows] = first_reason(np.stack([found[rows], np.full(len(rows), code)], axis=1))
            missing = first_reason(np.stack([missing, found], axis=1))
        return np.where(self.present, Reason.OBSERVED, np.where(missing == Reason.OBSERVED, Reason.UNKNOWN, missing)).astype(np.uint8)

    def take(self, rows: Rows) -> Self:
        """Give some of the rows, in the order of `rows`."""
        lengths = np.diff(self.starts)[rows]
        starts = np.concatenate(([0], np.cumsum(lengths)))
        chosen = np.arange(starts[-1]) + np.repeat(self.starts[:-1][rows] - starts[:-1], lengths)
        return self._with(chosen, starts, silence=self.silence[rows])

    def columns(self, features: Sequence[int]) -> Self:
        """Give some of the features, by their places."""
        places = np.asarray(features, np.int64)
        target = np.full(len(self.names), -1, np.int64)
        target[places] = np.arange(len(places))
        moved = target[self.features]
        chosen = np.flatnonzero(moved >= 0)
        chosen = chosen[np.lexsort((moved[chosen], self._rows[chosen]))]
        starts = np.searchsorted(self._rows[chosen], np.arange(len(self) + 1))
        picked = self._with(chosen, starts, names=tuple(self.names[place] for place in places), group_of=self.group_of[places])
        return replace(picked, features=moved[chosen], kinds=tuple(self.kinds[place] for place in places))

    def withhold(self, rows: Flags, reason: Reason) -> Self:
        """Take all values of some rows away, for a reason that comes before any other `(n_rows,) bool`."""
        if not rows.any():
            return self
        chosen = np.flatnonzero(~rows[self._rows])
        starts = np.searchsorted(self._rows[chosen], np.arange(len(self) + 1))
        return self._with(chosen, starts, silence=np.where(rows[:, None], np.uint8(reason), self.silence))

    def to_csr(self) -> csr_array:
        """Give what was found as a SciPy CSR array `(n_rows, n_features)`; what is not stored is 0 or missing, as `silence` says."""
        from scipy.sparse import csr_array

        kept = self.codes == Reason.OBSERVED
        starts = np.searchsorted(self._rows[kept], np.arange(len(self) + 1))
        return csr_array((self.entries[kept], self.features[kept], starts), shape=(len(self), len(self.names)))

    def _with(self, chosen: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], **changes: Any) -> Self:  # noqa: ANN401 - fields of several types
        """Give the same answer with some of its entries."""
        parts = {name: getattr(self, name)[chosen] for name in ("features", "entries", "codes", "entry_age_days", "entry_n_obs")}
        fields: dict[str, Any] = {**parts, "starts": starts, **changes}
        return replace(self, **fields)

    @cached_property
    def _rows(self) -> npt.NDArray[np.int64]:
        """The row of each entry."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.starts))
