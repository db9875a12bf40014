"""Fusion views: one matrix of all modalities (early), or each modality for those who have it (late).

What lies between, modalities that a model joins by itself, is a batch of tensors: `plait.featurestore.loader`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plait.errors import CohortError
from plait.featurestore.aligned import Ragged
from plait.featurestore.outputs import answer_of, columns_of, dense

if TYPE_CHECKING:
    import numpy.typing as npt

    from plait.featurestore.aligned import Aligned, Flags, Floats, Rows
    from plait.featurestore.index import Index
    from plait.featurestore.table import FusionTable

OBSERVED = "|observed"
"""Ends the name of a column that says which values of another were observed, or of a view which rows have it."""


class Early(NamedTuple):
    """All dense views as one matrix.

    Attributes:
        matrix: `(n_rows, n_columns) float32`, finite: 0 where nothing was observed or filled.
        mask: Whether each number was observed, `(n_rows, n_columns) bool`; what an imputer filled was not. Indicators are always True.
        names: `VIEW.FEATURE` of each column, `VIEW.FEATURE|observed` of an indicator, `VIEW|observed` of a view's.
    """

    matrix: Floats
    mask: Flags
    names: tuple[str, ...]


def early(table: FusionTable, *, indicators: bool = False) -> Early:
    """Give the dense views side by side, in their order.

    Which columns there are follows from the views and never from the rows, so that training and test have the same.

    Args:
        table: The table; views of sequences have no columns: leave them out with `table.only(views)`.
        indicators: Whether a column of 0 and 1 is added for each feature (1: it was observed) and for each view (1: it is present); a model
            can tell a true 0 from a hole by them.

    Raises:
        CohortError: The table has views of sequences, or a value that was observed or filled is not finite.
    """
    views = dense(table)
    matrices, masks, names = [np.zeros((len(table), 0), np.float32)], [np.zeros((len(table), 0), np.bool_)], []
    for name, answer in views.items():
        matrices.append(_finite(name, answer))
        masks.append(answer.observed)
        names += columns_of(name, answer)
    if indicators:
        for name, answer in views.items():
            matrices += [answer.observed.astype(np.float32), answer.present[:, None].astype(np.float32)]
            masks.append(np.ones((len(table), len(answer.names) + 1), np.bool_))
            names += [f"{column}{OBSERVED}" for column in columns_of(name, answer)] + [f"{name}{OBSERVED}"]
    return Early(np.concatenate(matrices, axis=1), np.concatenate(masks, axis=1), tuple(names))


@dataclass(frozen=True, eq=False)
class Late:
    """One view, for the rows that have it.

    Attributes:
        answer: What the view answers to these rows, `(n_present, …)`.
        index: These rows as they were asked for.
        rows: Their places in the table, ascending, `(n_present,)`.
        total: Rows of the table.
    """

    answer: Aligned | Ragged
    index: Index
    rows: Rows
    total: int

    @property
    def matrix(self) -> Floats:
        """Values `(n_present, n_features) float32`, finite: 0 where a value of a row that has the view is missing.

        Raises:
            CohortError: The view is one of sequences.
        """
        if isinstance(self.answer, Ragged):
            raise CohortError(
                f"view '{self.answer.view}'", expected="a fixed number of features", got="sequences", todo="Take late()[…].answer, or its padded()."
            )
        return _finite(self.answer.view, self.answer)

    def scatter(self, predictions: npt.ArrayLike, missing: float = float("nan")) -> npt.NDArray[Any]:
        """Give predictions for the rows that have the view, `(n_present, …)`, at their places in the table, `(n_rows, …) float64`.

        Args:
            predictions: One or several numbers for each row, in the order of `rows`.
            missing: What stands in rows without the view.

        Raises:
            CohortError: There are not as many predictions as rows with the view.
        """
        given = np.asarray(predictions, np.float64)
        if given.shape[:1] != self.rows.shape:
            raise CohortError(
                f"predictions of view '{self.answer.view}'",
                expected=f"one for each of its {len(self.rows)} rows",
                got=f"an array of shape {given.shape}",
                todo="Predict for late()[…].matrix, in its order.",
            )
        spread = np.full((self.total, *given.shape[1:]), missing, np.float64)
        spread[self.rows] = given
        return spread


def late(table: FusionTable) -> dict[str, Late]:
    """Give each view for the rows that have it, by its presence rule, with what leads back to the table's rows."""
    views = {}
    for name, answer in table.answers.items():
        rows = np.flatnonzero(answer.present)
        chosen = answer.take(rows)
        views[name] = Late(chosen if isinstance(chosen, Ragged) else answer_of(chosen), table.index.take(rows), rows, len(table))
    return views


def _finite(view: str, answer: Aligned) -> Floats:
    """Give a view's values with 0 where there is none.

    Raises:
        CohortError: A value that should be one is not finite.
    """
    is_there = answer.observed | answer.filled
    values = np.where(is_there, answer.values, np.float32(0))
    wrong = np.flatnonzero(~np.isfinite(values).all(axis=0))
    if len(wrong):
        raise CohortError(
            f"view '{view}'", expected="finite values", got=f"others in {len(wrong)} features, '{answer.names[wrong[0]]}' among them", todo="Mend the view."
        )
    return values
