"""What makes a row of a cohort: an event, a SELECT, or rows that somebody gives."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from plait.duck import sql
from plait.errors import CohortError, ConfigError
from plait.etl.catalog import open_catalog
from plait.featurestore.asof import DAY_US, History
from plait.featurestore.events import events_of
from plait.featurestore.index import PERSON, TIME, as_index, check_persons, iso_times

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import polars as pl

    from plait.cohort_settings import IndexSettings
    from plait.featurestore.view import Reading

    Count = Callable[[str, pl.DataFrame], pl.DataFrame]

_TIMES = (TIME, "cohort_start_date")


def entry_rows(reading: Reading, index: IndexSettings, where: str, count: Count) -> pl.DataFrame:
    """Give the rows that enter a cohort: `person_id`, `prediction_time`, and what else a file or SELECT gives.

    Raises:
        CohortError: A concept that the vocabulary does not know, a SELECT that is none, rows that cannot be asked about.
        ConfigError: No such file.
    """
    if index.concepts:
        rows = _by_events(reading, index, where, count)
    elif index.sql is not None:
        rows = given_rows(_selected(reading, index.sql), reading, where, count)
    elif index.file is not None:
        rows = given_rows(read_rows(index.file), reading, where, count)
    else:
        rows = given_rows(table_rows(reading, int(index.cohort_definition_id or 0), where), reading, where, count)
    if index.takes_first:
        rows = count("the first of each person", rows.sort(PERSON, TIME, maintain_order=True).unique(PERSON, keep="first", maintain_order=True))
    if index.after_days is not None:
        rows = count(f"{index.after_days:g} days later", rows.with_columns(rows[TIME] + dt.timedelta(days=index.after_days)))
    return rows


def given_rows(rows: Any, reading: Reading, where: str, count: Count) -> pl.DataFrame:  # noqa: ANN401 - a frame of any kind
    """Give rows from outside, checked, with times in microseconds; they stay in their order, and repeated ones stay.

    Raises:
        CohortError: A column is missing, of another type or with nulls; a person is not of the study; there are no rows.
    """
    import polars as pl

    index = as_index(rows)
    if not len(index):
        raise CohortError(where, expected="at least one row", got="none", todo="Look at where the rows come from.")
    known = reading.con.execute("SELECT person_id FROM cdm.person ORDER BY person_id").fetchnumpy()["person_id"]
    check_persons(index, known, where)
    frame = index.frame.with_columns(pl.Series(PERSON, index.person_id), pl.Series(TIME, index.at).cast(pl.Datetime("us")))
    count("rows given", frame)
    repeated = frame.select(PERSON, TIME).is_duplicated()
    if repeated.any():
        count("of these, the same person and moment as another (they stay)", frame.filter(repeated))
    return frame


def read_rows(file: Path) -> pl.DataFrame:
    """Give the rows of a CSV or Parquet file.

    Raises:
        ConfigError: No such file, or none that can be read as such.
        CohortError: It has no rows.
    """
    import polars as pl

    try:
        rows = (
            pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file, try_parse_dates=True, schema_overrides=dict.fromkeys(_TIMES, pl.String))
        )
    except (OSError, pl.exceptions.PolarsError):
        raise ConfigError(
            file, expected="rows as CSV or Parquet", got="no file that can be read as such", todo="Mend the path; the suffix says which of both it is."
        ) from None
    if not rows.height:  # whose columns have no types, either
        raise CohortError(file, expected="at least one row", got="none", todo="Look at where the file comes from.")
    written = [name for name in _TIMES if name in rows.columns and rows[name].dtype == pl.String]
    return rows.with_columns(_read_times(rows[name], file) for name in written)


def _read_times(texts: pl.Series, file: Path) -> pl.Series:
    """Give what a column of texts says: dates where it has dates alone, else times, of a date alone the end of its day.

    Raises:
        CohortError: Something that is neither, as ISO 8601 writes it: which number is the day and which the month is not guessed.
    """
    import polars as pl

    read = iso_times(texts)
    wrong = read.null_count() - texts.null_count()
    if wrong:
        where = f"{file}, column '{texts.name}'"
        raise CohortError(where, expected="dates (2020-02-29) or local times (2020-02-29T10:00)", got=f"{wrong} that are none", todo="Write them so.")
    return read.cast(pl.Date) if texts.str.len_bytes().max() == len("2020-02-29") else read


def table_rows(reading: Reading, cohort_definition_id: int, where: str) -> pl.DataFrame:
    """Give the rows of a cohort in the CDM's COHORT table.

    Raises:
        CohortError: It has none of this id.
    """
    rows: pl.DataFrame = reading.con.execute(sql("plait.featurestore.cohorts", "cohort_rows"), {"id": cohort_definition_id}).pl()
    if not rows.height:
        raise CohortError(where, expected=f"rows of cohort_definition_id {cohort_definition_id} in cdm.cohort", got="none", todo="Name one that is there.")
    return rows


def _by_events(reading: Reading, index: IndexSettings, where: str, count: Count) -> pl.DataFrame:
    """Give a row for each event of a set, at the moment that the clock says; several of one moment are one row."""
    import polars as pl

    events = events_of(reading.con, index, where)
    clock = "event_time" if index.clock == "event" else "known_time"
    events = count("an event of the set", events.with_columns(pl.col(clock).alias(TIME)))
    if index.washout_days is not None:
        events = count(f"no other in the {index.washout_days:g} days before", events.filter(_is_new(events, index.washout_days)))
    rows = events.sort(PERSON, TIME, "event_time", maintain_order=True).unique([PERSON, TIME], keep="first", maintain_order=True)
    return count("one row a person and moment", rows.select(PERSON, TIME))


def _is_new(events: pl.DataFrame, washout_days: float) -> pl.Series:
    """Say of each event that no other of its person, as far as was known at its row's moment, happened in the days before it."""
    import polars as pl

    person, event, at = (events[name].cast(pl.Int64).to_numpy() for name in (PERSON, "event_time", TIME))
    history = History.of(person, event, at)
    since = event - round(washout_days * DAY_US) - 1
    return pl.Series(history.count(person, at, since) == history.count(person, at, event - 1))


def _selected(reading: Reading, file: Path) -> pl.DataFrame:
    """Give what a SELECT of the study gives, run on the version's tables, and on nothing else.

    Raises:
        ConfigError: No such file.
        CohortError: It is not one SELECT, or DuckDB cannot run it.
    """
    import duckdb

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(file, expected="a SELECT, as UTF-8 text", got="no file that can be read", todo="Mend 'sql' in plait.yaml.") from None
    with open_catalog(reading.study, reading.version) as con:
        try:
            statements = con.extract_statements(text)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise CohortError(file, expected="one SELECT", got=f"{len(statements)} statements, or another one", todo="A cohort reads, and changes nothing.")
            con.execute("SET allowed_directories = $folders", {"folders": [str(reading.study / "warehouse")]})
            con.execute("SET enable_external_access = false")
            rows: pl.DataFrame = con.execute(statements[0]).pl()
        except duckdb.Error as error:
            kind = type(error).__name__.removesuffix("Exception")
            first = str(error).splitlines()[0] if isinstance(error, (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)) else kind
            raise CohortError(file, expected="a SELECT that DuckDB runs", got=first, todo="Try it with `duckdb -readonly` on study.duckdb.") from None
    return rows
