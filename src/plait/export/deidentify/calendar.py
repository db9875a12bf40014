"""Moments that are the calendar's and no person's: whoever knows them reads each person's shift from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.errors import ExportError

if TYPE_CHECKING:
    import polars as pl

LEAST_PERSONS = 11
ONE_IN = 20
"""Of so many moments one is on the same day of a year, of so many persons at the least, where the calendar decides; as in `calendar_days.sql`."""


def is_calendar(persons: pl.Series, moments: pl.Series) -> bool:
    """Tell whether the moments of persons are the calendar's: the first of a year, a day on which all are looked at.

    >>> import datetime as dt, polars as pl
    >>> day = dt.datetime(2020, 1, 1)
    >>> is_calendar(pl.Series(range(40)), pl.Series([day] * 40)), is_calendar(pl.Series(range(40)), pl.Series([day + dt.timedelta(n) for n in range(40)]))
    (True, False)
    """
    import polars as pl

    of_year = pl.struct(pl.col("at").dt.month().alias("month"), pl.col("at").dt.day().alias("day"))
    held = pl.DataFrame({"person": persons, "at": moments}).drop_nulls()
    shared = held.group_by(of_year.alias("of_year")).agg(pl.len().alias("rows"), pl.col("person").n_unique().alias("persons"))
    return bool(((shared["rows"] * ONE_IN >= held.height) & (shared["persons"] >= LEAST_PERSONS)).any())


def need_own(where: str, persons: pl.Series, moments: pl.Series) -> None:
    """Fail where moments of prediction are the calendar's.

    Days since, and until, what is in the same package lead to them even where they are left out.

    Raises:
        ExportError: They are.
    """
    if is_calendar(persons, moments):
        raise ExportError(
            where,
            expected="moments of prediction that follow from what happened to each person",
            got="one day of a year for many: who knows it reads everybody's shift of dates from it",
            todo="Take a moment of the person's own (a visit, a diagnosis; index.after_days), and export again. Nothing was written.",
        )
