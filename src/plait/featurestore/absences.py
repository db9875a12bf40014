"""What a source says was not done, or has no value: the reason that it gives where a value would be (DESIGN, section 7).

It is asked as values are, on both clocks: an absence counts if it lies in the window *and* was known by the row's moment. Of several the
latest counts; of two that are equally late, the one whose reason comes first in the order of reasons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from plait.duck import make_view, sql
from plait.featurestore.asof import NONE, History
from plait.schema.reasons import PRIORITY, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    import numpy.typing as npt
    import polars as pl

    from plait.featurestore.aligned import Flags
    from plait.featurestore.asof import Ints
    from plait.featurestore.index import Index
    from plait.featurestore.view import Question

_PACKAGE = "plait.featurestore"

RANK = {reason: place for place, reason in enumerate(PRIORITY)}
"""The place of each reason in the order in which reasons are given."""


@dataclass(frozen=True, eq=False)
class Absences:
    """Absences of what a view asks for, ready to be asked.

    Attributes:
        rows: `row_id`, `person_id`, `event_time`, `known_time`, `reason` (its name); one line an absence.
        codes: Code of each reason, `(n_absences,) uint8`.
        known: Their history as they became known; `happened`: as they happened.
    """

    rows: pl.DataFrame
    codes: npt.NDArray[np.uint8]
    known: History
    happened: History

    @classmethod
    def of(cls, con: duckdb.DuckDBPyConnection, concepts: Sequence[int] | None, domains: Sequence[str]) -> Self:
        """Read the absences of some concepts, or, where these are None, of all codes of some domains."""
        import polars as pl

        need_absences(con)
        rows: pl.DataFrame = con.execute(sql(_PACKAGE, "absences_of"), {"concepts": concepts, "domains": list(domains)}).pl()
        codes = np.asarray([Reason[name] for name in rows["reason"]], np.uint8)
        rank = np.asarray([-RANK[Reason(code)] for code in codes], np.int64)
        person, event, known = (rows[name].cast(pl.Int64).to_numpy() for name in ("person_id", "event_time", "known_time"))
        return cls(rows, codes, History.of(person, event, known, key=rank), History.of(person, event, key=rank))

    def last(self, index: Index, question: Question, since: Ints | None) -> Ints:
        """Give the place of the latest absence in each row's window, `NONE` where there is none, `(n_rows,)`."""
        history = self.known if question.clock == "known" else self.happened
        found = history.last(index.person_id, index.at)
        if since is None or not len(self.codes):
            return found
        event = self.rows["event_time"].cast(int).to_numpy()
        return np.where((found != NONE) & (event[found] > since), found, NONE)

    def reasons(self, index: Index, question: Question, since: Ints | None) -> dict[Reason, Flags]:
        """Give which rows' latest absence has which reason, by the reason, `(n_rows,) bool` each."""
        found = self.last(index, question, since)
        if not len(self.codes):
            return {}
        codes = np.where(found == NONE, np.uint8(Reason.OBSERVED), self.codes[found])
        return {Reason(code): codes == code for code in np.unique(codes) if code != Reason.OBSERVED}


def need_absences(con: duckdb.DuckDBPyConnection) -> None:
    """Make the view `absence` of a connection; see `absence.sql` for its rows."""
    make_view(con, "absence", sql(_PACKAGE, "absence"))


def no_absences() -> pl.DataFrame:
    """Give the frame of absences behind a feature, without a line.

    Its columns are `row` (place in the index), `row_id` (in `plait.absence`), `event_time`, `known_time`, `reason`, `source`, `file`, `record`.
    """
    import polars as pl

    time = pl.Datetime("us")
    return pl.DataFrame(
        schema={
            "row": pl.Int64,
            "row_id": pl.Int64,
            "event_time": time,
            "known_time": time,
            "reason": pl.String,
            "source": pl.String,
            "file": pl.String,
            "record": pl.Int64,
        }
    )


def with_records(con: duckdb.DuckDBPyConnection, found: pl.DataFrame) -> pl.DataFrame:
    """Add to absences (`row`, `row_id`, `event_time`, `known_time`, `reason`) the records that say so; see `no_absences` for the columns."""
    if not found.height:
        return no_absences()
    records: pl.DataFrame = con.execute(sql(_PACKAGE, "absence_records"), {"rows": found["row_id"].unique().to_list()}).pl()
    joined = found.join(records, on="row_id", how="left", maintain_order="left")
    return joined.select(name for name in no_absences().columns).cast(no_absences().schema)
