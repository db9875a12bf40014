"""A view whose values of a sample of rows are recomputed, and what is found to differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plait.duck import sql

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt
    import polars as pl

    from plait.validators.snapshots.reading import Snapshot, View

    Ints = npt.NDArray[np.int64]

FUTURE, OTHER = "snapshotFuture", "snapshotValues"
"""The checks: what rests on nothing that was known, and what is otherwise than the CDM gives."""

PACKAGE = "plait.validators.snapshots"
DAY_US = 86_400_000_000
"""Microseconds of a day."""


class Difference(NamedTuple):
    """A value of the sample that offends.

    Attributes:
        check: `FUTURE` or `OTHER`.
        view: Its view.
        row: Its row in the snapshot.
        feature: Its feature, or what of the row it is.
        problem: What is wrong.
    """

    check: str
    view: str
    row: int
    feature: str
    problem: str


class Asked(NamedTuple):
    """A view to be recomputed."""

    snapshot: Snapshot
    view: View
    rows: Ints
    options: dict[str, Any]
    con: duckdb.DuckDBPyConnection

    def select(self, name: str, **given: Any) -> pl.DataFrame:  # noqa: ANN401 - parameters of a SELECT
        """Give the rows of one of the SELECTs, by the snapshot's clock."""
        frame: pl.DataFrame = self.con.execute(sql(PACKAGE, name), given).pl()
        return frame

    @property
    def lookback_us(self) -> int | None:
        """How far back the view looks."""
        days = self.options.get("lookback_days")
        return None if days is None else round(days * DAY_US)

    def differs(self, check: str, places: Ints, problem: str, feature: str = "") -> list[Difference]:
        """Give differences at places of the sample."""
        return [Difference(check, self.view.name, int(self.rows[place]), feature, problem) for place in np.unique(places).tolist()]
