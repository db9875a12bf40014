"""Consent: lines against a loop over all days, what a row of a view shows of it, and what a line must be."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plait
from plait.errors import ConfigError
from plait.featurestore.asof import DAY_US, EVER
from plait.featurestore.consent import Consent, Line
from plait.schema.reasons import Reason
from tiny_cdm import A, C, Cdm, day
from tiny_study import SECRETS

if TYPE_CHECKING:
    from pathlib import Path

    from tiny_study import Tiny

DAYS = 20
END = np.iinfo(np.int64).max

lines = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from(["*", "text", "image"]),
        st.booleans(),
        st.one_of(st.none(), st.integers(0, DAYS)),
        st.one_of(st.none(), st.integers(0, DAYS)),
    ).filter(lambda one: None in one[3:] or one[3] <= one[4]),
    max_size=6,
)


@given(lines, st.lists(st.tuples(st.integers(0, 4), st.integers(0, DAYS), st.one_of(st.none(), st.integers(1, DAYS))), max_size=8))
def test_a_row_is_withheld_where_a_loop_over_days_finds_one_that_is_not_permitted(
    told: list[tuple[int, str, bool, int | None, int | None]], rows: list[tuple[int, int, int | None]]
) -> None:
    held = tuple(
        Line(person, modality, permits, (EVER if begin is None else begin * DAY_US, END if end is None else (end + 1) * DAY_US - 1))
        for person, modality, permits, begin, end in told
    )
    consent = Consent(lines=held)

    def permitted(person: int, on: int) -> bool:
        mine = [
            (permits, (begin is None or begin <= on) and (end is None or on <= end))
            for who, what, permits, begin, end in told
            if who == person and what in {"*", "text"}
        ]
        permits = [covers for is_permit, covers in mine if is_permit]
        return (not permits or any(permits)) and not any(covers for is_permit, covers in mine if not is_permit)

    for person, on, lookback in rows:
        first = -1 if lookback is None else on - lookback + 1  # day -1 stands for all days before
        expected = not all(permitted(person, one) for one in range(first, on + 1))
        until = np.asarray([(on + 1) * DAY_US - 1])
        since = np.asarray([EVER if lookback is None else (on - lookback + 1) * DAY_US])
        assert consent.withheld_between(np.asarray([person]), since, until, "text").tolist() == [expected]


def with_consent(study: Tiny, text: str) -> plait.Study:
    """Give the study with a consent file and two views of events."""
    (study.path / "consent.csv").write_text(text, encoding="utf-8")
    settings = (study.path / "plait.yaml").read_text()
    views = "features:\n  - {view: all, modality: events}\n  - {view: recent, modality: events, lookback_days: 100}\n"
    study.settings(settings + "consent: consent.csv\n" + views)
    return plait.open(study.path)


ROWS = pl.DataFrame({"person_id": [1, 2, 3, 4], "prediction_time": [dt.date(2020, 12, 31)] * 4})


def test_who_withholds_is_withheld_and_nobody_else(tiny: Tiny) -> None:
    study = with_consent(tiny, "person,modality,decision\nMRN-4711,*,deny\nMRN-4713,image,deny\nMRN-9999,*,deny\n")
    table = study.get_historical_features(ROWS, ["all"])
    first = next(
        place
        for place, (name,) in enumerate(study.connect().execute("SELECT person_source_value FROM cdm.person ORDER BY person_id").fetchall())
        if name == "MRN-4711"
    )
    assert [Reason(code) for code in table.reason[:, 0]] == [Reason.WITHHELD if place == first else Reason.OBSERVED for place in range(4)]
    assert table["all"].take(np.asarray([first])).codes.size == 0
    assert study.store.consent.describe()["unknown_persons"] == 1
    assert table.lineage["consent_sha256"] == study.store.consent.digest


def test_a_denied_time_that_a_view_does_not_look_at_withholds_nothing_and_does_not_show(tiny: Tiny) -> None:
    study = with_consent(tiny, "person,modality,decision,from,to\nMRN-4711,events,permit,2020-06-01,\nMRN-4712,events,deny,2019-01-01,2019-12-31\n")
    names = [name for (name,) in study.connect().execute("SELECT person_source_value FROM cdm.person ORDER BY person_id").fetchall()]
    table = study.get_historical_features(ROWS, ["all", "recent"])
    reasons = {name: [Reason(code).name for code in codes] for name, codes in zip(names, table.reason, strict=True)}
    assert reasons["MRN-4711"] == ["WITHHELD", "WITHHELD"]  # of the second, that something older exists is of a time that is not permitted
    assert reasons["MRN-4712"] == ["WITHHELD", "WITHHELD"]
    assert reasons["MRN-4713"] == ["OBSERVED", "OUT_OF_WINDOW"]
    later = ROWS.with_columns(prediction_time=pl.lit(dt.date(2020, 4, 30)))
    reasons = dict(zip(names, study.get_historical_features(later, ["recent"]).reason[:, 0].tolist(), strict=True))
    assert reasons["MRN-4712"] == Reason.OBSERVED  # its visit of February is within reach, and permitted
    assert reasons["MRN-4711"] == Reason.WITHHELD


def test_a_file_that_changes_counts_at_once(tiny: Tiny) -> None:
    study = with_consent(tiny, "person,modality,decision\n")
    assert study.get_historical_features(ROWS, ["all"]).present.all()
    (tiny.path / "consent.csv").write_text("person,modality,decision\nMRN-4711,*,deny\n")
    assert study.get_historical_features(ROWS, ["all"]).present.sum() == 3


def test_labels_of_what_is_withheld_are_withheld(tiny: Tiny) -> None:
    with_consent(tiny, "person,modality,decision\nMRN-4711,events,deny\n")
    outcome = "{name: cough, kind: binary, concepts: [SNOMED:49727002], horizon_days: 0.001}"
    text = f"cohorts:\n  - name: seen\n    index: {{concepts: [SNOMED:44054006, SNOMED:195967001]}}\n    outcomes: [{outcome}]\n"
    file = tiny.path / "plait.yaml"
    file.write_text(file.read_text() + text)
    found = plait.open(tiny.path).cohort("seen").labels.frame["cough_reason"].to_list()
    assert found.count("withheld") == 1


def _us(number: int) -> int:
    return (day(number) - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)  # noqa: DTZ001 - local time, as OMOP has it


def test_a_number_from_after_the_follow_up_is_withheld_if_its_day_is() -> None:
    cdm = Cdm()
    for person in (1, 2):
        cdm.add("cdm.person", person_id=person, gender_concept_id=8507, year_of_birth=1980, month_of_birth=1, day_of_birth=1)
        cdm.fact("condition_occurrence", person, person, A, day(1), day(1))
        cdm.fact("measurement", person, person, C, day(30), day(30), value_as_number=7)
        period = {"observation_period_start_date": day(0).date(), "observation_period_end_date": day(9).date()}
        cdm.add("cdm.observation_period", observation_period_id=person, person_id=person, **period)
    outcome = {"name": "number", "kind": "value", "concepts": [C], "take": "last", "window_days": [0, 60]}
    declared = {"cohorts": [{"name": "it", "index": {"concepts": [A]}, "outcomes": [outcome]}]}
    store = cdm.store(declared)
    spoken = Line(1, "events", is_permit=False, span=(_us(29), _us(31)))
    store._consent = None, Consent("0", 0, (spoken,))  # noqa: SLF001 - as if a file said so
    assert store.cohort("it").labels.frame.select("number", "number_reason").rows() == [(None, "withheld"), (7.0, None)]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("person,modality\nMRN-4711,*\n", r"consent.csv:1: .*none called 'decision'"),
        ("person,modality,decision,until\nMRN-4711,*,deny,\n", r"consent.csv:1: .*'until'"),
        ("person,system,modality,decision\nMRN-4711,hospital,*,deny\n", r"consent.csv:2: .*a system .*'hospital'.*synthea"),
        ("person,modality,decision\nMRN-4711,events,deny\nMRN-4711,imaging,deny\n", r"consent.csv:3: .*'imaging'"),
        ("person,modality,decision\nMRN-4711,*,refuse\n", r"consent.csv:2: .*'permit' or 'deny'"),
        ("person,modality,decision,from,to\nMRN-4711,*,deny,2020-02-01,2020-01-01\n", r"consent.csv:2: .*ends after it begins"),
        ("person,modality,decision,from\nMRN-4711,*,deny,1.2.2020\n", r"consent.csv:2: .*a date in 'from'"),
        ("person,modality,decision\nMRN-4711,*,deny,2020-01-01\n", r"consent.csv:2: .*at most 3 fields"),
    ],
)
def test_a_line_that_cannot_be_understood_is_named_and_shows_nobody(tiny: Tiny, text: str, match: str) -> None:
    study = with_consent(tiny, text)
    with pytest.raises(ConfigError, match=match) as error:
        study.get_historical_features(ROWS, ["all"])
    assert not any(secret in str(error.value) for secret in SECRETS)


def test_a_file_that_is_not_there_is_named(tiny: Tiny, tmp_path: Path) -> None:
    del tmp_path
    study = with_consent(tiny, "")
    (tiny.path / "consent.csv").unlink()
    with pytest.raises(ConfigError, match="Mend 'consent'"):
        study.get_historical_features(ROWS, ["all"])
