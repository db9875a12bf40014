"""Who stays in a cohort: decided by what was known at each row's moment, so that membership tells nothing of the future."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from plait.duck import sql
from plait.errors import CohortError
from plait.featurestore.asof import DAY_US, History
from plait.featurestore.covariates.engine import observed_days
from plait.featurestore.events import events_of, need_events
from plait.featurestore.index import PERSON, TIME, as_index

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import polars as pl

    from plait.cohort_settings import EventRule, RuleSettings
    from plait.featurestore.index import Index
    from plait.featurestore.view import Reading

    Flags = npt.NDArray[np.bool_]

_PACKAGE = "plait.featurestore.cohorts"


def said(rule: RuleSettings) -> str:
    """Give a rule in words, for the table of attrition."""
    if rule.age is not None:
        return f"{rule.age[0]:g} to {rule.age[1]:g} years old"
    if rule.sex is not None:
        return f"sex {' or '.join(rule.sex)}"
    if rule.prior_observation_days is not None:
        return f"observed for {rule.prior_observation_days} days"
    if rule.view is not None:
        return f"has view {rule.view}"
    if rule.alive:
        return "not known to be dead"
    assert rule.events is not None  # noqa: S101 - a rule is one of six
    least, most = _bounds(rule.events)
    number = f"at least {least}" if most is None else f"at most {most}" if least == 0 else f"{least} to {most}"
    window = "before" if rule.events.window_days is None else f"from day {rule.events.window_days[0]:g} to {rule.events.window_days[1]:g}"
    return f"{number} of {', '.join(map(str, rule.events.concepts))} {window}"


def meets(reading: Reading, rows: pl.DataFrame, rule: RuleSettings, presence: Callable[[Index, str], Flags], where: str) -> Flags:
    """Say which rows meet a rule `(n_rows,)`.

    Raises:
        CohortError: A concept or sex that the vocabulary does not know.
        ConfigError: A view or table that is not there.
    """
    if rule.view is not None:
        return presence(as_index(rows.select(PERSON, TIME)), rule.view)
    if rule.events is not None:
        return _has_events(reading, rows, rule.events, where)
    if rule.prior_observation_days is not None:
        return _is_observed(reading, rows, rule.prior_observation_days)
    if rule.alive:
        return _is_alive(reading, rows)
    return _is_such(reading, rows, rule, where)


def _bounds(rule: EventRule) -> tuple[int, int | None]:
    """Give the fewest and the most events."""
    least = rule.at_least if rule.at_least is not None else int(rule.at_most is None)
    return least, rule.at_most


def _has_events(reading: Reading, rows: pl.DataFrame, rule: EventRule, where: str) -> Flags:
    """Count the events of a rule that were known at each moment and lie in its window."""
    import polars as pl

    events, index = events_of(reading.con, rule, where), as_index(rows.select(PERSON, TIME))
    history = History.of(*(events[name].cast(pl.Int64).to_numpy() for name in (PERSON, "event_time", "known_time")))
    if rule.window_days is None:
        found = history.count(index.person_id, index.at)
    else:
        begins, ends = (index.at + round(days * DAY_US) for days in rule.window_days)
        found = history.count(index.person_id, index.at, begins - 1) - history.count(index.person_id, index.at, ends)
    least, most = _bounds(rule)
    return (found >= least) & (found <= (np.inf if most is None else most))


def _is_observed(reading: Reading, rows: pl.DataFrame, days: int) -> Flags:
    """Say which rows' persons had been observed for so many days."""
    import polars as pl

    reading.con.register("asked", rows.select(PERSON, TIME, row_id=pl.int_range(pl.len())).to_arrow())
    try:
        found = observed_days(reading.con, "asked", reading.settings.observation_period)
    finally:
        reading.con.unregister("asked")
    return np.asarray([found.get(row, -1) >= days for row in range(rows.height)], np.bool_)


def _is_alive(reading: Reading, rows: pl.DataFrame) -> Flags:
    """Say which rows' persons were not known to have died."""
    import polars as pl

    need_events(reading.con)
    deaths = reading.con.execute("SELECT person_id, known_time FROM death_of").pl()
    joined = rows.select(PERSON, TIME).join(deaths, on=PERSON, how="left", maintain_order="left")
    return joined.select((pl.col("known_time") > pl.col(TIME)).fill_null(value=True)).to_series().to_numpy()


def ask(reading: Reading, rows: pl.DataFrame, query: str, parameters: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Run a query on the table `asked` (`place`, `person_id`, `moment`), and give its columns."""
    import polars as pl

    reading.con.register("asked", rows.select(pl.int_range(pl.len()).alias("place"), PERSON, pl.col(TIME).alias("moment")).to_arrow())
    try:
        found: dict[str, npt.NDArray[Any]] = reading.con.execute(sql(_PACKAGE, query), parameters).fetchnumpy()
    finally:
        reading.con.unregister("asked")
    return found


def _is_such(reading: Reading, rows: pl.DataFrame, rule: RuleSettings, where: str) -> Flags:
    """Say which rows' persons are of an age or a sex."""
    import polars as pl

    persons = reading.con.execute(sql(_PACKAGE, "birth")).pl()
    joined = rows.select(PERSON, TIME).join(persons, on=PERSON, how="left", maintain_order="left")
    if rule.sex is not None:
        known = [code for (code,) in reading.con.execute("SELECT concept_code FROM cdm.concept WHERE vocabulary_id = 'Gender'").fetchall()]
        strange = [sex for sex in rule.sex if sex not in known]
        if strange:
            raise CohortError(where, expected="codes of the vocabulary Gender", got=f"'{strange[0]}'", todo=f"It has: {', '.join(sorted(known)) or 'none'}.")
        return joined["sex"].is_in(list(rule.sex)).fill_null(value=False).to_numpy()
    assert rule.age is not None  # noqa: S101 - what is left of a rule's kinds
    day, born = (pl.col(name).dt.month().cast(pl.Int32) * 100 + pl.col(name).dt.day() for name in (TIME, "born"))
    years = joined.select(age=pl.col(TIME).dt.year() - pl.col("born").dt.year() - (day < born).cast(pl.Int32))["age"]
    return years.is_between(*rule.age).fill_null(value=False).to_numpy()
