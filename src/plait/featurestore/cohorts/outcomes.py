"""What is to be predicted: labels look into the future on purpose, and say why one is not known, instead of calling it 0."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

import numpy as np

from plait.featurestore.asof import DAY_US
from plait.featurestore.cohorts.cohort import REASON, Label, Labels
from plait.featurestore.cohorts.rules import ask
from plait.featurestore.events import events_of, need_events
from plait.featurestore.index import PERSON, TIME

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from plait.cohort_settings import CohortSettings, OutcomeSettings
    from plait.featurestore.consent import Consent
    from plait.featurestore.view import Reading

    Ints = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

NEVER = np.iinfo(np.int64).max
"""The moment after all others."""


class Missing(StrEnum):
    """Why a label is not known."""

    NOT_OBSERVED = "not_observed"
    """No observation period holds the row's moment."""
    FOLLOW_UP_OVER = "follow_up_over"
    """Follow-up ends at the row's moment, or before it."""
    SHORT_FOLLOW_UP = "short_follow_up"
    """Follow-up ends before the horizon, and nothing had happened."""
    DIED = "died"
    """The person died before the horizon, of which death is not the event, and nothing had happened."""
    NO_VALUE = "no_value"
    """No number in the window."""
    WITHHELD = "withheld"
    """The person does not permit that the events of the follow-up are looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class FollowUp:
    """How long each row's person is followed; times are microseconds since 1970, `NEVER` where there is none.

    Attributes:
        at: The row's moment, `(n_rows,)`.
        person_id: Its person.
        observed_until: The end of the observation period that holds it; the beginning of time where none does.
        died: When the person died.
        limit: The latest moment that follow-up can reach.
        followed_until: Where follow-up ends with the first of these, not before the moment.
        consent: What persons permit that is looked at.
    """

    at: Ints
    person_id: Ints
    observed_until: Ints
    died: Ints
    limit: Ints
    followed_until: Ints
    consent: Consent

    @classmethod
    def of(cls, reading: Reading, rows: pl.DataFrame, days: float | None, consent: Consent) -> FollowUp:
        """Give the follow-up of rows, which ends after so many days at the latest."""
        import polars as pl

        need_events(reading.con)
        found = ask(reading, rows, "follow_up", {})
        at, person = rows[TIME].cast(pl.Int64).to_numpy(), rows[PERSON].to_numpy()
        until, died = (_us(found[name], absent) for name, absent in (("observed_until", np.iinfo(np.int64).min), ("died", NEVER)))
        limit = np.full(len(at), NEVER) if days is None else at + round(days * DAY_US)
        ends = np.minimum(np.minimum(np.maximum(until, at), np.maximum(died, at)), limit)
        return cls(at, person, until, died, limit, ends, consent)

    def end(self, *, death: bool) -> Ints:
        """Give where follow-up ends: with observation, or death if that is earlier; where death is the outcome, with death whenever it came."""
        end = self.died if death else np.minimum(self.died, self.observed_until)
        if death:
            end = np.where(self.died == NEVER, self.observed_until, self.died)
        return np.minimum(end, self.limit)

    def missing(self, end: Ints, looked_until: Ints | None = None) -> list[str | None]:
        """Say why a row can have no label at all, where follow-up ends, and until when events are looked at, should that be later."""
        reasons = np.full(len(self.at), None, object)
        reasons[end <= self.at] = Missing.FOLLOW_UP_OVER.value
        reasons[self.observed_until < self.at] = Missing.NOT_OBSERVED.value
        seen_until = self.followed_until if looked_until is None else np.maximum(self.followed_until, looked_until)
        withheld = self.consent.withheld_between(self.person_id, self.at, seen_until, "events")
        reasons[withheld] = Missing.WITHHELD.value
        told: list[str | None] = reasons.tolist()
        return told


def labels_of(reading: Reading, declared: CohortSettings, rows: pl.DataFrame, consent: Consent, where: str) -> Labels:
    """Give the labels that a cohort declares, for its rows.

    Raises:
        CohortError: A concept that the vocabulary does not know.
    """
    import polars as pl

    if not declared.outcomes:
        return Labels(pl.DataFrame(), ())
    follow = FollowUp.of(reading, rows, declared.follow_up_days, consent)
    frames, labels = [], []
    for outcome in declared.outcomes:
        make = {"time_to_event": _time_to_event, "binary": _binary, "value": _value}[outcome.kind]
        frame = make(reading, outcome, follow, where)
        frames.append(frame)
        columns = tuple(name for name in frame.columns if not name.endswith((REASON, "_unit_concept_id")))
        labels.append(Label(outcome.name, outcome.kind, columns, outcome.model_dump(mode="json", exclude_defaults=True)))
    return Labels(pl.concat(frames, how="horizontal"), tuple(labels))


def _time_to_event(reading: Reading, outcome: OutcomeSettings, follow: FollowUp, where: str) -> pl.DataFrame:
    """Give days to the event or to the end of follow-up, and which of both it was."""
    import polars as pl

    end = follow.end(death=outcome.death)
    event = _next_event(reading, outcome, follow, where)
    reasons = follow.missing(end)
    has_none = np.asarray([reason is not None for reason in reasons], np.bool_)
    is_event = event <= end
    days = (np.where(is_event, event, np.maximum(end, follow.at)) - follow.at) / DAY_US
    return pl.DataFrame(
        {
            f"{outcome.name}_days": pl.Series(np.where(has_none, np.nan, days)).fill_nan(None),
            f"{outcome.name}_event": _nullable(is_event, has_none),
            f"{outcome.name}{REASON}": pl.Series(reasons, dtype=pl.String),
        }
    )


def _binary(reading: Reading, outcome: OutcomeSettings, follow: FollowUp, where: str) -> pl.DataFrame:
    """Say whether the event came within the horizon; null where nothing happened and follow-up is shorter."""
    import polars as pl

    end, horizon = follow.end(death=outcome.death), follow.at + round((outcome.horizon_days or 0) * DAY_US)
    happened = _next_event(reading, outcome, follow, where) <= np.minimum(end, horizon)
    looked_until = follow.end(death=False) if outcome.concepts else end  # that somebody died later does not say that nothing else had happened
    reasons = [
        reason if reason is not None or did or until >= far else (Missing.DIED if dead == until else Missing.SHORT_FOLLOW_UP).value
        for reason, did, until, far, dead in zip(
            follow.missing(end), happened.tolist(), looked_until.tolist(), horizon.tolist(), follow.died.tolist(), strict=True
        )
    ]
    has_none = np.asarray([reason is not None for reason in reasons], np.bool_)
    return pl.DataFrame({outcome.name: _nullable(happened, has_none), f"{outcome.name}{REASON}": pl.Series(reasons, dtype=pl.String)})


def _value(reading: Reading, outcome: OutcomeSettings, follow: FollowUp, where: str) -> pl.DataFrame:
    """Give the first or the last number in a window after the row's moment, and its unit as it was delivered."""
    import polars as pl

    window = outcome.window_days or (0.0, 0.0)
    begins, ends = (follow.at + round(days * DAY_US) for days in window)
    events = events_of(reading.con, outcome, where).filter(pl.col("number").is_not_nan()).with_columns(pl.col("event_time").cast(pl.Int64))
    is_first = outcome.take == "first"
    asked = _asked(follow, begins if is_first else ends)
    joined = _asof(asked, events, strategy="forward" if is_first else "backward", exact=not is_first)
    inside = (pl.col("event_time") > pl.Series(begins)) & (pl.col("event_time") <= pl.Series(ends))
    found = joined.select(number=pl.when(inside).then("number"), unit=pl.when(inside).then("unit_concept_id"), is_there=inside.fill_null(value=False))
    end = follow.end(death=False)
    reasons = [
        reason if reason is not None or there else (Missing.NO_VALUE if until >= far else Missing.DIED if dead == until else Missing.SHORT_FOLLOW_UP).value
        for reason, there, until, far, dead in zip(
            follow.missing(end, ends), found["is_there"].to_list(), end.tolist(), ends.tolist(), follow.died.tolist(), strict=True
        )
    ]
    has_none = pl.Series([reason is not None for reason in reasons], dtype=pl.Boolean)
    return found.select(
        pl.when(~has_none).then("number").alias(outcome.name),
        pl.when(~has_none).then("unit").alias(f"{outcome.name}_unit_concept_id"),
        pl.Series(f"{outcome.name}{REASON}", reasons, dtype=pl.String),
    )


def _next_event(reading: Reading, outcome: OutcomeSettings, follow: FollowUp, where: str) -> Ints:
    """Give when the event happened first after each row's moment, `NEVER` where it did not: an event of the set within follow-up, a death at any time."""
    import polars as pl

    found = np.where(follow.died > follow.at, follow.died, NEVER) if outcome.death else np.full(len(follow.at), NEVER)
    if outcome.concepts:
        events = events_of(reading.con, outcome, where).with_columns(pl.col("event_time").cast(pl.Int64))
        joined = _asof(_asked(follow, follow.at), events, strategy="forward", exact=False)
        event = joined["event_time"].fill_null(NEVER).to_numpy()
        found = np.minimum(found, np.where(event <= follow.end(death=False), event, NEVER))
    return found


def _asked(follow: FollowUp, at: Ints) -> pl.DataFrame:
    """Give rows to join events to."""
    import polars as pl

    return pl.DataFrame({PERSON: follow.person_id, "at": at}).with_row_index("row")


def _asof(asked: pl.DataFrame, events: pl.DataFrame, *, strategy: Literal["forward", "backward"], exact: bool) -> pl.DataFrame:
    """Give the event next to each row, in the order of rows; of several of one moment the last in their total order, looking back, else the first."""
    sorted_rows = asked.sort("at", maintain_order=True)
    there = events.select(PERSON, "event_time", "number", "unit_concept_id").sort("event_time", maintain_order=True)
    joined = sorted_rows.join_asof(
        there, left_on="at", right_on="event_time", by=PERSON, strategy=strategy, allow_exact_matches=exact, coalesce=False, check_sortedness=False
    )
    return joined.sort("row")


def _nullable(values: Flags, has_none: Flags) -> pl.Series:
    """Give booleans, null where there is none."""
    import polars as pl

    return pl.select(pl.when(~pl.Series(has_none)).then(pl.Series(values))).to_series()


def _us(times: npt.NDArray[np.generic], absent: int) -> Ints:
    """Give times as microseconds since 1970; those that are not there as `absent`."""
    plain = np.ma.filled(np.ma.asarray(times).astype("datetime64[us]"), np.datetime64("NaT"))
    return np.where(np.isnat(plain), absent, plain.astype(np.int64))
