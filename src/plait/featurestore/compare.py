"""What differs between two snapshots: rows, views, features, values, reasons, and what they rest on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.featurestore.aligned import Ragged
from plait.featurestore.outputs import answer_of, words_of
from plait.featurestore.snapshot import check_snapshot, open_snapshot
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from plait.featurestore.aligned import Rows
    from plait.featurestore.table import Answer, FusionTable

_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class ViewDifference:
    """What differs in a view that both snapshots have, over the rows and features that both have.

    Attributes:
        view: Its name.
        added: Features that only the second has.
        removed: Features that only the first has.
        values: Values that both have and that differ, or that one alone has.
        ages: Ages that differ.
        reasons: Reasons that differ, as (first, second) to the number of values; of a view of sequences, of rows.
        features: The features in which most values or reasons differ, to their number.
    """

    view: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    values: int
    ages: int
    reasons: Mapping[tuple[str, str], int]
    features: Mapping[str, int]

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.values or self.ages or self.reasons)


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two snapshots.

    Attributes:
        rows: Rows that only the first has, that only the second has, and that both have, by person and moment.
        added: Views that only the second has.
        removed: Views that only the first has.
        views: What differs in views that both have; those without a difference are left out.
        facts: What the tables rest on, where it differs (clock, version, consent, encoders, options, split, what was fitted): first and second.
    """

    rows: tuple[int, int, int]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    views: tuple[ViewDifference, ...]
    facts: Mapping[str, tuple[Any, Any]]

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.rows[0] or self.rows[1] or self.added or self.removed or self.views or self.facts)

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {
            "rows": dict(zip(("only_first", "only_second", "both"), self.rows, strict=True)),
            "views_added": list(self.added),
            "views_removed": list(self.removed),
            "views": [
                {
                    "view": one.view,
                    "features_added": list(one.added),
                    "features_removed": list(one.removed),
                    "values": one.values,
                    "ages": one.ages,
                    "reasons": [{"first": first, "second": second, "count": count} for (first, second), count in one.reasons.items()],
                    "features": dict(one.features),
                }
                for one in self.views
            ],
            "facts": {name: {"first": first, "second": second} for name, (first, second) in self.facts.items()},
        }


def compare_snapshots(first: str | Path, second: str | Path) -> Difference:
    """Check two snapshots and give what differs between them.

    Raises:
        SnapshotError: One of them is not what it was.
    """
    a, b = check_snapshot(first), check_snapshot(second)
    return compare(open_snapshot(a.path), open_snapshot(b.path))


def compare(first: FusionTable, second: FusionTable) -> Difference:
    """Give what differs between two tables; rows are matched by person and moment, of several alike the first with the first."""
    mine, yours = _matched(first, second)
    both = [name for name in first.answers if name in second.answers]
    views = [_compared(name, first[name].take(mine), second[name].take(yours)) for name in both]
    return Difference(
        (len(first) - len(mine), len(second) - len(yours), len(mine)),
        tuple(name for name in second.answers if name not in first.answers),
        tuple(name for name in first.answers if name not in second.answers),
        tuple(one for one in views if not one.is_empty),
        _facts(first, second),
    )


def _matched(first: FusionTable, second: FusionTable) -> tuple[Rows, Rows]:
    """Give the places of rows that both tables have."""
    import polars as pl

    def rows(table: FusionTable) -> pl.DataFrame:
        frame = pl.DataFrame({"person": table.index.person_id, "at": table.index.at})
        return frame.with_columns(again=pl.int_range(pl.len()).over("person", "at")).with_row_index("row")

    joined = rows(first).join(rows(second), on=["person", "at", "again"], how="inner", maintain_order="left")
    return joined["row"].cast(pl.Int64).to_numpy(), joined["row_right"].cast(pl.Int64).to_numpy()


def _compared(view: str, first: Answer, second: Answer) -> ViewDifference:
    """Give what differs in a view, of the same rows."""
    if isinstance(first, Ragged) or isinstance(second, Ragged):
        if isinstance(first, Ragged) and isinstance(second, Ragged):
            return _of_sequences(view, first, second)
        names = [("events",) if isinstance(one, Ragged) else one.names for one in (first, second)]
        return ViewDifference(view, names[1], names[0], 0, 0, {}, {})
    places = {name: place for place, name in enumerate(second.names)}
    shared = [place for place, name in enumerate(first.names) if name in places]
    a, b = answer_of(first.columns(shared)), answer_of(second.columns([places[first.names[place]] for place in shared]))
    values, ages = _unequal(a.values, b.values), _unequal(a.age_days, b.age_days)
    differs = (values | (a.reason != b.reason)).sum(axis=0)
    most = [place for place in np.argsort(-differs, kind="stable")[:_MOST_NAMED] if differs[place]]
    return ViewDifference(
        view,
        tuple(name for name in second.names if name not in set(first.names)),
        tuple(name for name in first.names if name not in places),
        int(values.sum()),
        int(ages.sum()),
        _changes(a.reason, b.reason),
        {a.names[place]: int(differs[place]) for place in most},
    )


def _of_sequences(view: str, first: Ragged, second: Ragged) -> ViewDifference:
    """Give in how many rows sequences differ: in their codes and numbers, or in ages alone."""
    lengths = np.diff(first.starts), np.diff(second.starts)
    alike = np.flatnonzero(lengths[0] == lengths[1])
    a, b = first.take(alike), second.take(alike)
    row = np.repeat(np.arange(len(alike)), np.diff(a.starts))
    words = [np.asarray([*words, ""])[place] for _, words, place in map(words_of, (a, b))]
    code = words[0] != words[1]
    other = np.unique(row[code | _unequal(a.values, b.values)])
    aged = np.unique(row[_unequal(a.age_days, b.age_days)])
    return ViewDifference(view, (), (), len(first) - len(alike) + len(other), len(np.setdiff1d(aged, other)), _changes(first.reason, second.reason), {})


def _unequal(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Say which numbers differ; two that are missing do not."""
    differs: npt.NDArray[np.bool_] = (first != second) & ~(np.isnan(first) & np.isnan(second))
    return differs


def _changes(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> dict[tuple[str, str], int]:
    """Count reasons that differ, most frequent first."""
    changed = first != second
    pairs = Counter(zip(first[changed].tolist(), second[changed].tolist(), strict=True))
    return {(Reason(a).name, Reason(b).name): count for (a, b), count in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))}


def _facts(first: FusionTable, second: FusionTable) -> dict[str, tuple[Any, Any]]:
    """Give what the tables rest on where it differs; a view that only one of them has is told elsewhere."""
    both = [name for name in first.answers if name in second.answers]
    mine, yours = _flat(first, both), _flat(second, both)
    return {name: (mine.get(name), yours.get(name)) for name in sorted({*mine, *yours}) if mine.get(name) != yours.get(name)}


def _flat(table: FusionTable, views: Sequence[str]) -> dict[str, Any]:
    """Give what a table and some of its views rest on, by paths such as `views.ct.encoder.encoder_id`."""
    part = table.part
    facts: dict[str, Any] = {
        "clock": table.question.clock,
        "split": part.split.digest if part else None,
        "part": part.name if part else None,
        "fitted": table.fitted.digest if table.fitted else None,
    }

    def add(path: str, held: Any) -> None:  # noqa: ANN401 - what JSON holds
        if isinstance(held, dict):
            for name, inner in held.items():
                add(f"{path}.{name}" if path else str(name), inner)
        else:
            facts[path] = held

    add("", {**table.lineage, "version": table.version, "views": {name: table.described(name) for name in views}})
    return facts
