"""A table as a dataset of torch, and `collate`, which makes a batch of tensors of some of its rows.

    loader = torch.utils.data.DataLoader(train.torch(drop={"wsi": 0.3}), 64, shuffle=True, collate_fn=plait.collate)
    for epoch in range(20):
        loader.dataset.set_epoch(epoch)
        for batch in loader:
            batch.views["rna"].values, batch.views["rna"].mask, batch.present, batch.labels["died"]

Masks say True where a number is valid. Rows are gathered together, never one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from plait.errors import CohortError, MissingExtraError
from plait.featurestore.aligned import Ragged
from plait.featurestore.chance import key_of, uniform
from plait.featurestore.imputers import Imputed
from plait.featurestore.index import PERSON
from plait.featurestore.outputs import answer_of
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    from torch import Tensor

    from plait.featurestore.aligned import Aligned
    from plait.featurestore.table import FusionTable

PADDING = 0
"""The code of no event in a batch; codes of a vocabulary count from 1, so that `Embedding(len(vocabulary) + 1, d, padding_idx=0)` fits."""


@dataclass(frozen=True, eq=False)
class _Moved:
    """A bundle of tensors that moves between devices as one."""

    def to(self, *where: Any, **options: Any) -> Self:  # noqa: ANN401 - as torch has it
        """Give the bundle on another device; takes what `Tensor.to` takes."""
        return self._map(lambda tensor: tensor.to(*where, **options))

    def pin_memory(self) -> Self:
        """Give the bundle in pinned memory, as a DataLoader with `pin_memory=True` asks."""
        return self._map(lambda tensor: tensor.pin_memory())

    def _map(self, change: Callable[[Tensor], Tensor]) -> Self:
        """Give the bundle with every tensor changed."""

        def changed(held: Any) -> Any:  # noqa: ANN401 - tensors, bundles of them, and mappings of both
            if isinstance(held, dict):
                return {name: changed(one) for name, one in held.items()}
            return held._map(change) if isinstance(held, _Moved) else change(held)  # noqa: SLF001 - of the same kind

        return replace(self, **{part.name: changed(getattr(self, part.name)) for part in fields(self)})


@dataclass(frozen=True, eq=False)
class Dense(_Moved):
    """A view with a fixed number of features, of the rows of a batch.

    Attributes:
        values: `(n, n_features) float32`, 0 where nothing was observed or filled.
        mask: What was observed, `(n, n_features) bool`.
        filled: What an imputer filled, `(n, n_features) bool`.
        age_days: `(n, n_features) float32`, 0 where there is none.
    """

    values: Tensor
    mask: Tensor
    filled: Tensor
    age_days: Tensor


@dataclass(frozen=True, eq=False)
class Sequences(_Moved):
    """A view of sequences, of the rows of a batch, as long as the longest of them.

    Attributes:
        codes: `(n, length) int64`, place in the vocabulary and 1; 0 where there is no event.
        values: `(n, length) float32`, 0 where an event has no number.
        value_mask: Which events have a number, `(n, length) bool`.
        gap_days: Days since the event before, `(n, length) float32`.
        age_days: Days from the event to the row's moment, `(n, length) float32`.
        mask: Which are events, `(n, length) bool`.
    """

    codes: Tensor
    values: Tensor
    value_mask: Tensor
    gap_days: Tensor
    age_days: Tensor
    mask: Tensor


@dataclass(frozen=True, eq=False)
class Batch(_Moved):
    """Some rows of a table as tensors.

    Attributes:
        views: What each view answers, by its name.
        present: Which views each row has, `(n, n_views) bool`; not those that were dropped.
        reason: Code of `Reason` why, `(n, n_views) uint8`; DROPPED where simulated.
        labels: Labels by the name of their column, `(n,)`.
        rows: Places in the table, `(n,) int64`.
    """

    views: dict[str, Any]
    present: Tensor
    reason: Tensor
    labels: dict[str, Tensor]
    rows: Tensor

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Picked:
    """Rows that a loader asked for, before they are tensors: small to hand on, and all that `collate` needs.

    Attributes:
        samples: The dataset.
        rows: Places in its table, `(n,)`.
    """

    samples: Samples
    rows: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Samples:
    """A dataset of a table's rows.

    Attributes:
        table: The table.
        labels: Columns of the index that each batch carries, `(n_rows,)` each.
        drop: Chance that a view which is there is taken from a row, by view.
        seed: Seed of what is dropped.
        most_events: Newest events that are kept of a sequence; all if None.
        epoch: The epoch, `(1,) int64`, in memory that workers share.
    """

    table: FusionTable
    labels: Mapping[str, npt.NDArray[Any]]
    drop: Mapping[str, float]
    seed: int
    most_events: int | None
    epoch: Tensor

    @classmethod
    def of(
        cls,
        table: FusionTable,
        *,
        labels: Sequence[str] | None = None,
        drop: Mapping[str, float] | None = None,
        seed: int = 0,
        most_events: int | None = None,
    ) -> Self:
        """Give a dataset of a table's rows.

        Args:
            table: The table; an imputer with several draws gives each epoch the next of them.
            labels: Columns of the index to carry; if None, every one but `person_id` that has a number, or true or false, in every row.
            drop: Modality dropout: with this chance a view that is there is taken from a row, for the reason DROPPED. It follows from the seed, the
                epoch, the view, and the row's person and moment: workers, batches and their order change nothing.
            seed: Seed of what is dropped.
            most_events: Newest events that are kept of a sequence; all if None.

        Raises:
            CohortError: A view or label that is not there, a label with nulls, or a chance that is none.
            MissingExtraError: torch is not installed.
        """
        import polars as pl

        torch = _torch()
        for view, chance in (drop or {}).items():
            if view not in table.answers or not 0 <= chance <= 1:
                raise CohortError(f"drop, view '{view}'", expected="a view of the table, and a chance from 0 to 1", got=f"{chance}", todo="Mend it.")
        frame = table.index.frame
        numbers = [column.name for column in frame.get_columns() if (column.dtype.is_numeric() or column.dtype == pl.Boolean) and not column.null_count()]
        carried = {}
        for name in [name for name in numbers if name != PERSON] if labels is None else labels:
            if name not in numbers:
                raise CohortError(f"label '{name}'", expected="a column of the index with a number in every row", got="none", todo="Name others in labels.")
            carried[name] = frame[name].to_numpy()
        held = replace(table, answers=_dense_of(table), opened={})  # a worker has no use for views, which hold connections
        return cls(held, carried, dict(drop or {}), seed, most_events, torch.zeros(1, dtype=torch.int64).share_memory_())

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch: another dropout, and the next draw of an imputer. Workers that go on from epoch to epoch hear of it, too."""
        self.epoch[0] = epoch

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, row: int) -> Picked:
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        return Picked(self, np.asarray([row % len(self)], np.int64))

    def __getitems__(self, rows: Sequence[int]) -> list[Picked]:
        """Give several rows at once, as torch's loader asks for a batch."""
        return [Picked(self, np.asarray(rows, np.int64))]

    def dropped(self, rows: npt.NDArray[np.int64], view: str) -> npt.NDArray[np.bool_]:
        """Say from which rows a view is taken in this epoch `(n,)`; those that do not have it have nothing to lose."""
        chance = self.drop.get(view, 0.0)
        if not chance:
            return np.zeros(len(rows), np.bool_)
        index = self.table.index
        drawn = uniform(self.seed, int(self.epoch[0]), key_of(view), index.person_id[rows], index.at[rows])
        lost: npt.NDArray[np.bool_] = (drawn < chance) & self.table.answers[view].present[rows]
        return lost


def collate(picked: Sequence[Picked] | Picked) -> Batch:
    """Make a batch of rows of one dataset: padded tensors of each view with masks (True: valid), what is present and why not, ages and labels.

    It is what a `torch.utils.data.DataLoader` over `table.torch()` takes as `collate_fn`.

    Raises:
        CohortError: The rows are of several datasets, or none.
        MissingExtraError: torch is not installed.
    """
    torch = _torch()
    pieces = [picked] if isinstance(picked, Picked) else list(picked)
    if not pieces or any(piece.samples is not pieces[0].samples for piece in pieces):
        raise CohortError("collate", expected="rows of one dataset", got="none or several", todo="Make the dataset with table.torch().")
    samples, rows = pieces[0].samples, np.concatenate([piece.rows for piece in pieces])
    epoch = int(samples.epoch[0])
    views: dict[str, Any] = {}
    present, reason = [], []
    for name, whole in samples.table.answers.items():
        dropped = samples.dropped(rows, name)
        answer = whole.take(rows).withhold(dropped, Reason.DROPPED)
        views[name] = _sequences(answer, samples.most_events) if isinstance(answer, Ragged) else _dense(answer_of(answer), epoch)
        present.append(answer.present)
        reason.append(answer.row_reason)
    shape = (len(rows), len(present))
    return Batch(
        views,
        torch.from_numpy(np.stack(present, axis=1) if present else np.zeros(shape, np.bool_)),
        torch.from_numpy(np.stack(reason, axis=1) if reason else np.zeros(shape, np.uint8)),
        {name: torch.from_numpy(np.ascontiguousarray(label[rows])) for name, label in samples.labels.items()},
        torch.from_numpy(rows),
    )


def _dense(answer: Aligned, epoch: int) -> Dense:
    """Give a view with a fixed number of features as tensors."""
    torch = _torch()
    values = answer.draw(epoch) if isinstance(answer, Imputed) else answer.values
    is_there = answer.observed | answer.filled
    return Dense(
        torch.from_numpy(np.where(is_there, values, np.float32(0))),
        torch.from_numpy(np.array(answer.observed)),
        torch.from_numpy(np.array(answer.filled)),
        torch.from_numpy(np.nan_to_num(answer.age_days, nan=0.0)),
    )


def _sequences(answer: Ragged, most_events: int | None) -> Sequences:
    """Give a view of sequences as tensors as long as the longest, or as `most_events`."""
    torch = _torch()
    longest = int(np.diff(answer.starts).max(initial=0))
    length = longest if most_events is None else min(longest, most_events)
    codes, values, gaps, mask = answer.padded(length)
    _, ages, _, _ = replace(answer, values=answer.age_days).padded(length)
    return Sequences(
        torch.from_numpy(codes.astype(np.int64) + 1),
        torch.from_numpy(np.nan_to_num(values, nan=0.0)),
        torch.from_numpy(mask & ~np.isnan(values)),
        torch.from_numpy(gaps),
        torch.from_numpy(ages),
        torch.from_numpy(mask),
    )


def _dense_of(table: FusionTable) -> dict[str, Any]:
    """Give the answers with sparse ones as arrays, made once and not for every batch."""
    return {name: answer if isinstance(answer, Ragged) else answer_of(answer) for name, answer in table.answers.items()}


def _torch() -> Any:  # noqa: ANN401 - a module
    """Import torch.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtraError("tensors", expected="the package torch", got="none", todo="Install it: pip install 'plait[fusion]'.") from None
    return torch
