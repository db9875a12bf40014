"""Moments that are the calendar's, or a program's, and no person's: whoever knows them reads each person's shift from them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from plait.errors import ExportError

if TYPE_CHECKING:
    import polars as pl

_DAY_US = 86_400_000_000
_UNTIL, _WHETHER = "_days", "_event"
"""How the two columns of a label that is a time to an event are called."""

LEAST_PERSONS = 11
ONE_IN = 20
"""Of so many moments one is on the same day of a year, of so many persons at the least, where the calendar decides; as in `calendar_days.sql`."""

FIRST_DAY = dt.date(1900, 1, 2)
EPOCHS = frozenset({dt.date(1901, 1, 1), dt.date(1904, 1, 1), dt.date(1960, 1, 1), dt.date(1970, 1, 1)})
FURTHEST_YEARS = 2
"""What programs write for a day that is not known: one before the first, the first of a clock, or one that is so many years ahead; as in `macros.sql`."""


def is_placeholder(day: dt.date, furthest_years: int = FURTHEST_YEARS) -> bool:
    """Tell whether a day stands for one that is not known, or never comes: it is the same for everybody.

    >>> [is_placeholder(dt.date(*day)) for day in ((1900, 1, 1), (1970, 1, 1), (1970, 1, 2), (2020, 1, 1), (9999, 12, 31))]
    [True, True, False, False, True]
    """
    today = dt.datetime.now(dt.UTC).date()
    return day < FIRST_DAY or day in EPOCHS or (day.year - furthest_years, day.month, day.day) >= (today.year, today.month, today.day)


def moved(day: dt.date, days: int, furthest_years: int = FURTHEST_YEARS) -> dt.date:
    """Give a day as it leaves: shifted, or the first day of its year where it stands for one that is not known.

    Raises:
        OverflowError: There is no such day.
    """
    return day.replace(month=1, day=1) if is_placeholder(day, furthest_years) else day + dt.timedelta(days=days)


def is_calendar(persons: pl.Series, moments: pl.Series) -> bool:
    """Tell whether the moments of persons are the calendar's: the first of a year, a day on which all are looked at.

    >>> import datetime as dt, polars as pl
    >>> day = dt.datetime(2020, 1, 1)
    >>> is_calendar(pl.Series(range(40)), pl.Series([day] * 40)), is_calendar(pl.Series(range(40)), pl.Series([day + dt.timedelta(n) for n in range(40)]))
    (True, False)
    """
    return bool(len(_shared_days(persons, moments)))


def _shared_days(persons: pl.Series, moments: pl.Series) -> pl.Series:
    """Give the days of a year (month * 100 + day) that are the calendar's among the moments of persons."""
    import polars as pl

    held = pl.DataFrame({"person": persons, "of_year": _of_year(moments)}).drop_nulls()
    shared = held.group_by("of_year").agg(pl.len().alias("rows"), pl.col("person").n_unique().alias("persons"))
    return shared.filter((pl.col("rows") * ONE_IN >= held.height) & (pl.col("persons") >= LEAST_PERSONS))["of_year"]


def _of_year(moments: pl.Series) -> pl.Series:
    """Give month * 100 + day of moments."""
    return moments.dt.month().cast(int) * 100 + moments.dt.day()


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


def own_ends(rows: pl.DataFrame, records: pl.DataFrame, *, person: str, time: str) -> pl.DataFrame:
    """Give rows whose times to an event (`NAME_days`, `NAME_event`) end with what happened to each person.

    Who has no event is followed until the observation ends; where that is the day on which the data were extracted, it is everybody's, and the row's
    shifted moment and the days until then would give the shift. The person's last record until then stands for it.

    Args:
        rows: Rows with a person, a moment and labels.
        records: Days on which persons have a record (`person_id`, `record_date`).
        person: The column of persons.
        time: The column of moments.
    """
    import polars as pl

    for days in [name for name in rows.columns if name.endswith(_UNTIL) and rows.schema[name].is_numeric()]:
        event = days.removesuffix(_UNTIL) + _WHETHER
        if rows.schema.get(event) != pl.Boolean:
            continue
        begun = pl.col(time).cast(pl.Datetime("us"))
        followed = rows.with_row_index("at").filter(~pl.col(event) & pl.col(days).is_not_null())
        followed = followed.select("at", person, begun.alias("begun"), (begun + pl.duration(seconds=pl.col(days) * 86_400)).alias("until"))
        followed = followed.filter(_of_year(followed["until"]).is_in(_shared_days(followed[person], followed["until"]).implode()))
        if followed.is_empty():
            continue
        known = records.select(pl.col("person_id").alias(person), pl.col("record_date").cast(pl.Date).alias("last")).sort("last")
        found = (
            followed.with_columns(pl.col("until").dt.date()).sort("until").join_asof(known, left_on="until", right_on="last", by=person, check_sortedness=False)
        )
        ended = pl.col("last").cast(pl.Datetime("us")) + pl.duration(days=1, microseconds=-1)
        since = (ended - pl.col("begun")).dt.total_microseconds() / _DAY_US
        told = found.select("at", since.clip(0).fill_null(0).cast(rows.schema[days]).alias("told"))
        rows = rows.with_row_index("at").join(told, on="at", how="left", maintain_order="left")
        rows = rows.with_columns(pl.coalesce("told", days).alias(days)).drop("at", "told")
    return rows
