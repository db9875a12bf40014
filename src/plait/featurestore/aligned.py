"""What a view answers: values aligned to the rows that asked, and beside each value why it is there or not.

Presence is never read out of a number: a missing value is NaN, and an observed one may be 0; `reason` tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from plait.schema.reasons import PRIORITY, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from scipy.sparse import csr_array

    Rows = npt.NDArray[np.integer[Any]]
    Floats = npt.NDArray[np.float32]
    Flags = npt.NDArray[np.bool_]
    Codes = npt.NDArray[np.uint8]

CODES = np.asarray([*PRIORITY, Reason.OBSERVED], np.uint8)
RANK = np.full(256, len(PRIORITY) - 1, np.uint8)
RANK[CODES] = np.arange(len(CODES))
"""The place of a code's reason among `CODES`, which stand in the order of `PRIORITY`, OBSERVED last."""


def first_reason(codes: Codes) -> Codes:
    """Give the first of each row's reasons in the order of `PRIORITY`, OBSERVED where all are `(n_rows, n_values) -> (n_rows,) uint8`."""
    first: Codes = CODES[RANK[codes].min(axis=1, initial=len(PRIORITY))]
    return first


@dataclass(frozen=True)
class Presence:
    """How a whole view of a row follows from its values.

    Attributes:
        rule: `any`: present where any value is observed; `all`: where all are; `min_fraction`: where at least this fraction is.
        fraction: That fraction, 0 to 1.
    """

    rule: Literal["any", "all", "min_fraction"] = "any"
    fraction: float = 0.0

    def of(self, observed: Flags) -> Flags:
        """Give whether each row is present `(n_rows,) bool`, from `(n_rows, n_features) bool`; a view without features is of nobody."""
        if observed.shape[1] == 0:
            return np.zeros(len(observed), np.bool_)
        return self.met_by(observed.mean(axis=1))

    def met_by(self, share: npt.NDArray[np.floating[Any]]) -> Flags:
        """Give whether rows with these shares of observed values are present `(n_rows,) bool`."""
        present: Flags = share > 0 if self.rule == "any" else share >= (1.0 if self.rule == "all" else self.fraction)
        return present


@dataclass(frozen=True, eq=False)
class Aligned:
    """What one view answers to n rows.

    An array that is the same for all features of a row may be given as `(n_rows, 1)`: it is spread without being copied.

    Attributes:
        view: The view's name.
        names: Name of each feature, `(n_features,)`.
        values: `(n_rows, n_features) float32`, NaN where neither observed nor filled.
        reason: Code of `Reason` of each value, `(n_rows, n_features) uint8`.
        age_days: Days from the value's event to the row's moment, `(n_rows, n_features) float32`, NaN where there is none.
        n_obs: How many observations were found for the value, `(n_rows, n_features) int32`.
        filled: Values that an imputer made, `(n_rows, n_features) bool`; a value is never observed and filled.
        presence: How the row as a whole follows.
        kinds: What each feature is (`count`, `indicator`, `value`), which decides what silence means.
    """

    view: str
    names: tuple[str, ...]
    values: Floats
    reason: Codes
    age_days: Floats
    n_obs: npt.NDArray[np.int32]
    filled: Flags = field(default_factory=lambda: np.zeros((1, 1), np.bool_))
    presence: Presence = Presence()
    kinds: tuple[str, ...] = ()
    spread_reason: Codes = field(init=False, repr=False)
    """`reason` before it was spread, `(n_rows, n_features)` or `(n_rows, 1)`: what a view without features still has to say."""

    def __post_init__(self) -> None:
        shape = self.values.shape
        object.__setattr__(self, "spread_reason", self.reason)
        object.__setattr__(self, "reason", np.broadcast_to(self.reason, shape))
        object.__setattr__(self, "age_days", np.broadcast_to(self.age_days, shape))
        object.__setattr__(self, "n_obs", np.broadcast_to(self.n_obs, shape))
        object.__setattr__(self, "filled", np.broadcast_to(self.filled, shape))
        object.__setattr__(self, "kinds", self.kinds or ("value",) * len(self.names))

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def observed(self) -> Flags:
        """Whether each value was observed, `(n_rows, n_features) bool`: where `reason` is OBSERVED, and nowhere else."""
        return np.broadcast_to(self._one_column(self.reason) == Reason.OBSERVED, self.values.shape)

    @cached_property
    def present(self) -> Flags:
        """Whether the view is there for each row, by its presence rule, `(n_rows,) bool`."""
        return self.presence.of(self._one_column(self.observed))

    @cached_property
    def row_reason(self) -> Codes:
        """Why the view is there or not for each row, `(n_rows,) uint8`: OBSERVED, or the first of its values' reasons in the order of `PRIORITY`."""
        codes = self._one_column(self.spread_reason)
        if not codes.shape[1]:
            return np.full(len(self), Reason.NOT_CAPTURED, np.uint8)
        return np.where(self.present, Reason.OBSERVED, first_reason(codes)).astype(np.uint8)

    def take(self, rows: Rows) -> Self:
        """Give some of the rows, in the order of `rows`."""
        return replace(
            self,
            values=self.values[rows],
            reason=self._one_column(self.spread_reason)[rows],
            age_days=self._one_column(self.age_days)[rows],
            n_obs=self._one_column(self.n_obs)[rows],
            filled=self._one_column(self.filled)[rows],
        )

    def columns(self, features: Sequence[int]) -> Self:
        """Give some of the features, by their places."""
        places = list(features)
        chosen = {name: getattr(self, name)[:, places] for name in ("values", "reason", "age_days", "n_obs", "filled")}
        names = tuple(self.names[place] for place in places)
        return replace(self, names=names, kinds=tuple(self.kinds[place] for place in places), **chosen)

    def withhold(self, rows: Flags, reason: Reason) -> Self:
        """Take all values of some rows away, for a reason that comes before any other `(n_rows,) bool`."""
        if not rows.any():
            return self
        mask = rows[:, None]
        return replace(
            self,
            values=np.where(mask, np.float32(np.nan), self.values),
            reason=np.where(mask, np.uint8(reason), self._one_column(self.spread_reason)),
            age_days=np.where(mask, np.float32(np.nan), self._one_column(self.age_days)),
            n_obs=np.where(mask, np.int32(0), self._one_column(self.n_obs)),
            filled=np.where(mask, np.False_, self._one_column(self.filled)),
        )

    def to_csr(self) -> csr_array:
        """Give the observed and filled values as a SciPy CSR array `(n_rows, n_features)`; an observed 0 is stored, what is missing is not."""
        from scipy.sparse import csr_array

        is_there = self.observed | self.filled
        rows, columns = np.nonzero(is_there)
        return csr_array((self.values[is_there], columns, np.searchsorted(rows, np.arange(len(self) + 1))), shape=self.values.shape)

    @staticmethod
    def _one_column(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give `(n_rows, 1)` of an array that was spread over the features, else the array."""
        return array[:, :1] if array.ndim == 2 and array.shape[1] and array.strides[1] == 0 else array  # noqa: PLR2004 - rows and features


@dataclass(frozen=True, eq=False)
class Ragged:
    """What a view of sequences answers: each row's events, oldest first, one after another.

    Attributes:
        view: The view's name.
        starts: Where each row's events begin, and the last one's end, `(n_rows + 1,) int64`.
        codes: Place of each event's code in `vocabulary`, `(n_events,) int32`.
        values: Its number, NaN where it has none, `(n_events,) float32`.
        age_days: Days from it to the row's moment, `(n_events,) float32`.
        vocabulary: What the codes stand for: standard concepts by their ids, and `0` for whatever is unmapped. It depends on what the view
            declares and on the study's vocabulary, never on patients.
        reason: Why each row has events or none, `(n_rows,) uint8`.
    """

    view: str
    starts: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int32]
    values: Floats
    age_days: Floats
    vocabulary: Sequence[str]
    reason: Codes = field(repr=False)

    def __len__(self) -> int:
        return len(self.reason)

    @property
    def present(self) -> Flags:
        """Whether each row has any event, `(n_rows,) bool`."""
        present: Flags = self.reason == Reason.OBSERVED
        return present

    @property
    def row_reason(self) -> Codes:
        """Why each row has events or none, `(n_rows,) uint8`."""
        return self.reason

    def take(self, rows: Rows) -> Self:
        """Give some of the rows, in the order of `rows`."""
        lengths = np.diff(self.starts)[rows]
        starts = np.concatenate(([0], np.cumsum(lengths)))
        events = np.arange(starts[-1]) + np.repeat(self.starts[:-1][rows] - starts[:-1], lengths)
        return replace(self, starts=starts, codes=self.codes[events], values=self.values[events], age_days=self.age_days[events], reason=self.reason[rows])

    def withhold(self, rows: Flags, reason: Reason) -> Self:
        """Take all events of some rows away, for a reason `(n_rows,) bool`."""
        if not rows.any():
            return self
        kept = ~np.repeat(rows, np.diff(self.starts))
        starts = np.concatenate(([0], np.cumsum(np.where(rows, 0, np.diff(self.starts)))))
        return replace(
            self,
            starts=starts,
            codes=self.codes[kept],
            values=self.values[kept],
            age_days=self.age_days[kept],
            reason=np.where(rows, np.uint8(reason), self.reason).astype(np.uint8),
        )

    def padded(self, length: int | None = None) -> tuple[npt.NDArray[np.int32], Floats, Floats, Flags]:
        """Give codes, values, days since the event before, and which of them are events, each `(n_rows, length)`; the newest `length` events of a row are kept.

        Where there is no event the code is -1, and the numbers are 0.
        """
        lengths = np.diff(self.starts)
        width = int(lengths.max(initial=0)) if length is None else length
        kept = np.minimum(lengths, width)
        valid = np.arange(width)[None, :] < kept[:, None]
        events = (self.starts[1:] - kept)[:, None] + np.arange(width)[None, :]
        place = np.where(valid, events, 0)
        gaps = np.zeros(len(self.codes), np.float32)
        gaps[1:] = self.age_days[:-1] - self.age_days[1:]
        begins = self.starts[:-1][lengths > 0]
        gaps[begins] = 0

        def spread(array: npt.NDArray[Any], nothing: float) -> npt.NDArray[Any]:
            if not len(array):
                return np.full(valid.shape, nothing, array.dtype)
            return np.where(valid, array[place], np.asarray(nothing, array.dtype))

        return spread(self.codes, -1), spread(self.values, 0), spread(gaps, 0), valid
