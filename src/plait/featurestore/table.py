"""The answer to a query: index rows, and every view aligned to them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from plait.errors import CohortError
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import polars as pl

    from plait.featurestore.aligned import Aligned, Ragged, Rows
    from plait.featurestore.index import Index
    from plait.featurestore.sparse import Sparse
    from plait.featurestore.view import Question, View

    Answer = Aligned | Sparse | Ragged


@dataclass(frozen=True, eq=False)
class FusionTable:
    """Index rows with their views. It is immutable: what changes it gives another one.

    Attributes:
        index: The rows, as they were asked for.
        answers: What each view answers, by its name, in the order in which they were asked for.
        opened: The views themselves, for explanations; empty where the table comes from a snapshot.
        question: How it was asked.
        version: The version of the study that answered.
    """

    index: Index
    answers: Mapping[str, Answer]
    opened: Mapping[str, View]
    question: Question
    version: int

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, view: str) -> Answer:
        if view not in self.answers:
            raise CohortError(f"view '{view}'", expected="a view of this table", got="none of this name", todo=f"There are: {', '.join(self.answers)}.")
        return self.answers[view]

    def __iter__(self) -> Any:  # noqa: ANN401 - an iterator over names
        return iter(self.answers)

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views, in order."""
        return tuple(self.answers)

    @cached_property
    def present(self) -> npt.NDArray[np.bool_]:
        """Whether each view is there for each row, `(n_rows, n_views) bool`."""
        return self._stacked([answer.present for answer in self.answers.values()], np.bool_)

    @cached_property
    def reason(self) -> npt.NDArray[np.uint8]:
        """Code of `Reason` why each view is there or not, `(n_rows, n_views) uint8`."""
        return self._stacked([answer.row_reason for answer in self.answers.values()], np.uint8)

    def take(self, rows: Rows) -> Self:
        """Give some of the rows, in the order of `rows`."""
        return replace(self, index=self.index.take(rows), answers={name: answer.take(rows) for name, answer in self.answers.items()})

    def summary(self) -> pl.DataFrame:
        """Give how many rows have each view, and why the others have not: `view`, `reason`, `rows`, `share`."""
        import polars as pl

        lines = []
        for place, name in enumerate(self.answers):
            counted = Counter(self.reason[:, place].tolist())
            lines += [(name, Reason(code).name, rows, rows / len(self)) for code, rows in sorted(counted.items())]
        return pl.DataFrame(lines, schema={"view": pl.String, "reason": pl.String, "rows": pl.Int64, "share": pl.Float64}, orient="row")

    def patterns(self) -> pl.DataFrame:
        """Give how many rows have which views together: a column of each view, and `rows`, most frequent first."""
        import polars as pl

        frame = pl.DataFrame(self.present, schema=list(self.answers), orient="row")
        return frame.group_by(list(self.answers)).len("rows").sort(["rows", *self.answers], descending=[True, *([True] * len(self.answers))])

    def explain(self, column: str) -> dict[str, Any]:
        """Give what a column (`"view.feature"`) stands for: its concept, gene or encoder, and the rows of the CDM behind its values.

        Returns:
            What the view says of the feature, and under `sources` a frame with a line per value and record behind it.

        Raises:
            CohortError: No such view or feature, or the table comes from a snapshot, which has no study to look into.
        """
        name, _, feature = column.partition(".")
        self[name]
        if name not in self.opened:
            raise CohortError(
                f"column '{column}'", expected="a table with its study", got="one of a snapshot", todo="Ask the study anew; see the snapshot's manifest."
            )
        view = self.opened[name]
        return {**view.explain(feature), "sources": view.sources(feature, self.index, self.question)}

    def _stacked(self, columns: list[npt.NDArray[Any]], dtype: type) -> npt.NDArray[Any]:
        """Give one column for each view."""
        return np.stack(columns, axis=1) if columns else np.zeros((len(self), 0), dtype)
