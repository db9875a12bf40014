"""The rows that a query asks for: a person and a moment each, in an order that every answer keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from plait.errors import CohortError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

PERSON, TIME = "person_id", "prediction_time"
"""Columns of an index; `person_id` is OMOP's, `prediction_time` MEDS's word."""

_DAY_US = 86_400_000_000

_ISO = r"^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d([.]\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$"
_MOMENT = "%Y-%m-%dT%H:%M:%S%.f"

_COHORT = {"subject_id": PERSON, "cohort_start_date": TIME}
"""Columns of OHDSI's cohort table and of MEDS's labels, and what they are here."""


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Index rows, whatever else they carry: labels, sites, weights.

    Attributes:
        person_id: The person of each row, `(n_rows,) int64`.
        at: The moment of each row in microseconds since 1970, local time, `(n_rows,) int64`; of a date without a time, the
            last microsecond of its day (DESIGN, "Time").
        frame: The rows as they were given, with both columns under their own names.
    """

    person_id: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]
    frame: pl.DataFrame

    def __len__(self) -> int:
        return len(self.person_id)

    def take(self, rows: npt.NDArray[np.integer[Any]]) -> Self:
        """Give some of the rows, in the order of `rows`."""
        return type(self)(self.person_id[rows], self.at[rows], self.frame[rows])


def as_index(rows: Any) -> Index:  # noqa: ANN401 - whatever Polars makes a frame of
    """Give index rows from a Polars or pandas frame, an Arrow table, a mapping of columns, or a cohort.

    OHDSI's names (`subject_id` with `cohort_start_date`) and MEDS's (`subject_id` with `prediction_time`) are understood.

    Raises:
        CohortError: A column is missing, is of another type, or has nulls; a time has a zone.
    """
    import polars as pl

    rows = getattr(rows, "frame", rows)  # of a cohort, whose labels travel along
    try:
        frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows)
    except (TypeError, ValueError):
        todo = "Give a frame of Polars or pandas, an Arrow table, or columns by name; of a LazyFrame what collect() gives."
        raise CohortError("index rows", expected="a table of persons and moments", got=type(rows).__name__, todo=todo) from None
    frame = frame.rename({theirs: ours for theirs, ours in _COHORT.items() if theirs in frame.columns and ours not in frame.columns})
    for name in (PERSON, TIME):
        if name not in frame.columns:
            raise CohortError("index rows", expected=f"a column '{name}'", got=f"{', '.join(frame.columns) or 'no columns'}", todo="Name it so.")
        if frame[name].null_count():
            raise CohortError(
                f"index rows, column '{name}'", expected="a value in every row", got=f"{frame[name].null_count()} nulls", todo="Remove these rows."
            )
    if not frame[PERSON].dtype.is_integer():
        raise CohortError(f"index rows, column '{PERSON}'", expected="integers, as OMOP has them", got=str(frame[PERSON].dtype), todo="Give person_id.")
    person = frame[PERSON].cast(pl.Int64, strict=False).fill_null(-1)  # a number of more than 63 bits is nobody's
    return Index(person.to_numpy(), microseconds(frame[TIME]), frame)


def check_persons(index: Index, known: npt.NDArray[np.int64], where: str) -> None:
    """Fail where a row is of a person whom the study does not know: silence would look like a patient without data.

    Args:
        index: The rows.
        known: Every person of the study, ascending.
        where: What the rows are, for the error.

    Raises:
        CohortError: There is such a row.
    """
    import numpy as np

    asked = np.unique(index.person_id)
    strangers = np.count_nonzero(np.append(known, -1)[np.searchsorted(known, asked)] != asked)
    if strangers:
        raise CohortError(
            where,
            expected="persons of this study",
            got=f"{strangers} whom it does not know",
            todo="Give person_id of this version's PERSON table; what a source calls a patient is no person_id.",
        )


def microseconds(times: pl.Series) -> npt.NDArray[np.int64]:
    """Give moments as microseconds since 1970 `(n,) int64`; a date is the last microsecond of its day.

    Raises:
        CohortError: They are no times, or have a zone.
    """
    import polars as pl

    if times.dtype == pl.Date:
        return times.cast(pl.Datetime("us")).cast(pl.Int64).to_numpy() + (_DAY_US - 1)
    if not isinstance(times.dtype, pl.Datetime):
        raise CohortError(
            f"index rows, column '{times.name}'", expected="dates or times", got=str(times.dtype), todo="Convert it, for example with str.to_datetime."
        )
    if times.dtype.time_zone is not None:
        raise CohortError(
            f"index rows, column '{times.name}'",
            expected="local times without a zone, as OMOP and MEDS have them",
            got=f"times of {times.dtype.time_zone}",
            todo="Convert them to the study's time zone, then `.dt.replace_time_zone(None)`.",
        )
    return times.cast(pl.Datetime("us")).cast(pl.Int64).to_numpy()


def iso_times(texts: pl.Series, time_zone: str | None = None) -> pl.Series:
    """Give what texts of ISO 8601 say as local times in microseconds, of a date alone its last microsecond; null where a text says none.

    Nothing else is read: which number of 01/02/2020 is the month would be a guess.

    Args:
        texts: The texts.
        time_zone: Where a time with an offset is local; such a text says no time if None.
    """
    import polars as pl

    text = pl.col("text").str.replace(" ", "T", literal=True)
    whole = pl.when(text.str.contains(_ISO)).then(text.str.replace(r"(T\d\d:\d\d)(Z|[+-]|$)", "${1}:00${2}").str.replace("Z", "+0000", literal=True))
    day, local, zoned = (
        whole.str.to_datetime(form, strict=False, time_unit="us").dt.offset_by(end)
        for form, end in (("%Y-%m-%d", "1d"), (_MOMENT, "0d"), (f"{_MOMENT}%z", "0d"))
    )
    times = [day.dt.offset_by("-1us"), local]
    if time_zone is not None:
        times.append(zoned.dt.convert_time_zone(time_zone).dt.replace_time_zone(None))
    return pl.DataFrame({"text": texts.cast(pl.String)}).select(pl.coalesce(times)).to_series().alias(texts.name)
