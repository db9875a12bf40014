"""A cohort: rows to ask about, and labels, which lie in the future and are kept apart from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from plait.featurestore.index import PERSON, as_index

if TYPE_CHECKING:
    import polars as pl

    from plait.featurestore.index import Index

REASON = "_reason"
"""What follows a label's name in the column that says why it is missing."""


@dataclass(frozen=True, slots=True)
class Label:
    """What is to be predicted of a row.

    Attributes:
        name: Its name.
        kind: `time_to_event`: `{name}_days` and `{name}_event`; `binary` and `value`: a column of its name; `given`: as a file or frame has it.
        columns: Its columns.
        definition: How it was made.
    """

    name: str
    kind: Literal["time_to_event", "binary", "value", "given"]
    columns: tuple[str, ...]
    definition: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Labels of rows. They look into the future on purpose, and no view is ever given them.

    Attributes:
        frame: The labels' columns, as many rows as the cohort has; a label that is not known is null, and `{name}_reason` says why.
        labels: What the columns are.
    """

    frame: pl.DataFrame
    labels: tuple[Label, ...]

    def __getitem__(self, name: str) -> Label:
        return next(label for label in self.labels if label.name == name)

    def describe(self) -> dict[str, Any]:
        """Give how often each label is known, and why it is not: by name, `kind`, `rows`, `events` of those that have some, and `missing` by reason."""
        import polars as pl

        told: dict[str, Any] = {}
        for label in self.labels:
            main = self.frame[label.columns[-1]]
            reasons = self.frame[label.name + REASON].drop_nulls() if label.name + REASON in self.frame.columns else pl.Series([], dtype=pl.String)
            told[label.name] = {
                "kind": label.kind,
                "rows": len(main) - main.null_count(),
                "events": int(main.sum()) if main.dtype == pl.Boolean else None,
                "missing": dict(sorted(reasons.value_counts().iter_rows())),
            }
        return told


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Persons at moments.

    Attributes:
        name: Its name.
        rows: `person_id`, `prediction_time` (microseconds, local time), and what else a file or SELECT gave; in order of person and time, or as given.
        labels: What is to be predicted of each row.
        attrition: How many were left after each step: `rule`, `persons`, `rows`.
        definition: What made it, as `plait.yaml` says it.
    """

    name: str
    rows: pl.DataFrame
    labels: Labels
    attrition: pl.DataFrame
    definition: dict[str, Any]

    def __len__(self) -> int:
        return self.rows.height

    def __repr__(self) -> str:
        return f"Cohort({self.name!r}, {len(self)} rows of {self.rows[PERSON].n_unique()} persons)"

    @property
    def frame(self) -> pl.DataFrame:
        """The rows with their labels' columns."""
        return self.rows.hstack(self.labels.frame)

    @property
    def index(self) -> Index:
        """The rows as views see them; the labels travel along in its frame."""
        return as_index(self.frame)

    def describe(self) -> dict[str, Any]:
        """Give what a snapshot keeps of the cohort: its definition, attrition, and how often each label is known."""
        return {
            "cohort": self.name,
            "persons": self.rows[PERSON].n_unique(),
            "rows": len(self),
            "attrition": self.attrition.to_dicts(),
            "labels": self.labels.describe(),
            "definition": self.definition,
        }
