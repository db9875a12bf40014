"""The answer to a query: index rows, and every view aligned to them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from plait.errors import CohortError
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa
    from scipy.sparse import csr_array

    from plait.featurestore.aligned import Aligned, Ragged, Rows
    from plait.featurestore.fitting import Fitted
    from plait.featurestore.fusion import Early, Late
    from plait.featurestore.index import Index
    from plait.featurestore.loader import Samples
    from plait.featurestore.outputs import Matrix
    from plait.featurestore.sparse import Sparse
    from plait.featurestore.splits import Part, Split
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
        lineage: What the answer rests on, see `plait.featurestore.lineage`; `views` has each view's description.
        part: The part of a split that these rows are, None of a table that was not split.
        fitted: What was fitted and applied to the values, None where they are as the query gave them.
    """

    index: Index
    answers: Mapping[str, Answer]
    opened: Mapping[str, View]
    question: Question
    version: int
    lineage: Mapping[str, Any] = field(default_factory=dict)
    part: Part | None = None
    fitted: Fitted | None = None

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

    def only(self, views: Sequence[str]) -> Self:
        """Give the table with some of its views, in the order of `views`."""
        return replace(self, answers={name: self[name] for name in views}, opened={name: self.opened[name] for name in views if name in self.opened})

    def described(self, view: str) -> dict[str, Any]:
        """Give what is kept of a view: its kind and all that decides its numbers."""
        views: Mapping[str, dict[str, Any]] = self.lineage.get("views", {})
        if view in views:
            return dict(views[view])
        return self.opened[view].describe() if view in self.opened else {"view": view}

    def split(self, by: str | Split = "patient", **rule: Any) -> tuple[Self, ...]:  # noqa: ANN401 - the rule's options, see there
        """Give the parts of the table, training rows first; see `plait.featurestore.splits.split_table`."""
        from plait.featurestore.splits import split_table

        return split_table(self, by, **rule)

    def fit(self, imputer: Any = None, *, recipes: Mapping[str, Any] | None = None) -> Fitted:  # noqa: ANN401 - a name, or a mapping of options
        """Fit the views' recipes, and an imputer, on these rows, which must be a training part; see `plait.featurestore.fitting.fit`."""
        from plait.featurestore.fitting import fit

        return fit(self, imputer, recipes=recipes)

    def apply(self, fitted: Fitted) -> Self:
        """Give the table with what was fitted applied to it; see `plait.featurestore.fitting.Fitted.apply`."""
        from plait.featurestore.fitting import apply

        return apply(self, fitted)

    def early(self, *, indicators: bool = False) -> Early:
        """Give all dense views as one matrix without holes, with its mask and names; see `plait.featurestore.fusion.early`."""
        from plait.featurestore.fusion import early

        return early(self, indicators=indicators)

    def late(self) -> dict[str, Late]:
        """Give each view for the rows that have it; see `plait.featurestore.fusion.late`."""
        from plait.featurestore.fusion import late

        return late(self)

    def torch(self, **options: Any) -> Samples:  # noqa: ANN401 - see there
        """Give a dataset for a `torch.utils.data.DataLoader` with `collate_fn=plait.collate`; see `plait.featurestore.loader.Samples.of`."""
        from plait.featurestore.loader import Samples

        return Samples.of(self, **options)

    def to_polars(self, *, reasons: bool = True) -> pl.DataFrame:
        """Give values and reasons as columns of a Polars frame; see `plait.featurestore.outputs.to_polars`."""
        from plait.featurestore.outputs import to_polars

        return to_polars(self, reasons=reasons)

    def to_arrow(self, *, reasons: bool = True) -> pa.Table:
        """Give values and reasons as columns of an Arrow table; see `plait.featurestore.outputs.to_polars`."""
        from plait.featurestore.outputs import to_arrow

        return to_arrow(self, reasons=reasons)

    def to_numpy(self) -> Matrix:
        """Give values, what of them was observed, and names; see `plait.featurestore.outputs.to_numpy`."""
        from plait.featurestore.outputs import to_numpy

        return to_numpy(self)

    def to_csr(self) -> tuple[csr_array, tuple[str, ...]]:
        """Give what was observed or filled as a SciPy CSR array, and names; see `plait.featurestore.outputs.to_csr`."""
        from plait.featurestore.outputs import to_csr

        return to_csr(self)

    def to_mudata(self) -> Any:  # noqa: ANN401 - a MuData, whose package may not be installed
        """Give a MuData with an AnnData for every view; see `plait.featurestore.outputs.to_mudata`."""
        from plait.featurestore.outputs import to_mudata

        return to_mudata(self)

    def save(self, folder: str | Path) -> str:
        """Write the table as a snapshot into a new folder, and give the snapshot's id; see `plait.featurestore.snapshot.save`."""
        from plait.featurestore.snapshot import save

        return save(self, folder)

    def write_parquet(self, file: Path) -> None:
        """Write the columns of `to_polars` to a new Parquet file, for its owner alone; see `plait.featurestore.outputs.write_parquet`."""
        from plait.featurestore.outputs import write_parquet

        write_parquet(self, file)

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
            What the view says of the feature; under `sources` a frame with a line per value and record behind it, under `absences` one with a
            line per missing value whose reason a source gave, and the record that says so.

        Raises:
            CohortError: No such view or feature, or the table comes from a snapshot, which has no study to look into.
        """
        name, _, feature = column.partition(".")
        self[name]
        if self.fitted is not None and self.fitted.makes(name):
            return self.fitted.explain(name, feature)
        if name not in self.opened:
            raise CohortError(
                f"column '{column}'", expected="a table with its study", got="one of a snapshot", todo="Ask the study anew; see the snapshot's manifest."
            )
        view = self.opened[name]
        behind = {"sources": view.sources(feature, self.index, self.question), "absences": view.absences(feature, self.index, self.question)}
        return {**view.explain(feature), **behind}

    def _stacked(self, columns: list[npt.NDArray[Any]], dtype: type) -> npt.NDArray[Any]:
        """Give one column for each view."""
        return np.stack(columns, axis=1) if columns else np.zeros((len(self), 0), dtype)
