"""Nothing from the future: whatever happens to the records of later, answers about a moment stay the same, bit for bit."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import anndata
import numpy as np
import polars as pl
import pytest

import plait
from plait.demo import write_demo
from plait.featurestore.aligned import Ragged
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

    from plait.featurestore.table import FusionTable

TODAY = "2019-06-01"
NOW = dt.datetime.fromisoformat(TODAY)
PATIENTS = 24

_STARTS = ("START", "DATE", "START_DATE", "datetime", "taken", "reported")
_ENDS = ("STOP", "END_DATE", "DEATHDATE")
_VALUES = ("VALUE", "DISPENSES", "REASONCODE", "panel")


def _poisoned(frame: pl.DataFrame) -> pl.DataFrame:
    """Give a file whose records of later are others: every third is gone, the rest have other values, and one is there twice, a year later."""
    start = next((name for name in _STARTS if name in frame.columns), None)
    ends = [pl.when(pl.col(name) >= TODAY).then(pl.lit("")).otherwise(pl.col(name)).alias(name) for name in _ENDS if name in frame.columns]
    frame = frame.with_columns(ends)
    if start is None:
        return frame
    is_later = pl.col(start) >= TODAY
    later = frame.filter(is_later).gather_every(3, 1)
    added = later.with_columns(
        pl.lit("2031").add(pl.col(start).str.slice(4)).alias(start), *(pl.lit("").alias(name) for name in _ENDS if name in frame.columns)
    )
    changed = later.with_columns(
        pl.when(pl.col(name) != "").then(pl.lit("1")).otherwise(pl.lit("")).alias(name) for name in _VALUES[:3] if name in frame.columns
    )
    return pl.concat([frame.filter(~is_later), changed, added])


def _poison(folder: Path) -> int:
    """Change the records of later in a study's files, and give how many there were."""
    seen = 0
    for file in sorted([*folder.glob("data/synthea/*.csv"), *folder.glob("data/notes/*.csv"), *folder.glob("data/lab/*.csv")]):
        if file.stem in {"claims", "claims_transactions"}:
            continue  # costs, of which no view speaks
        frame = pl.read_csv(file, infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy").fill_null("")
        start = next((name for name in _STARTS if name in frame.columns), None)
        seen += 0 if start is None else frame.filter(pl.col(start) >= TODAY).height
        if file.stem == "variants":
            reported = pl.read_csv(folder / "data/lab/sequenced.csv", infer_schema=False).filter(pl.col("reported") < TODAY)
            frame = frame.join(reported, on="sample", how="semi", maintain_order="left")
        _poisoned(frame).write_csv(file)
    return seen + _poison_matrix(folder / "data/rna.h5ad")


def _poison_matrix(file: Path) -> int:
    """Change the values that were reported later, leave every third of these samples out, and give how many there were."""
    held = anndata.read_h5ad(file)
    later = np.flatnonzero(held.obs["reported"].astype(str).to_numpy() >= TODAY)
    held.X[later] = held.X[later] * 2 + 1
    held[np.setdiff1d(np.arange(held.n_obs), later[::3])].copy().write_h5ad(file)
    return len(later)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[plait.Study, plait.Study]:
    """Give a small study, and one that differs from it in what happened or became known later."""
    made = []
    for is_poisoned in (False, True):
        folder = tmp_path_factory.mktemp("poisoned" if is_poisoned else "plain") / "study"
        write_demo(folder, persons=PATIENTS)
        if is_poisoned:
            assert _poison(folder) > 1_000
        study = plait.open(folder)
        study.run_etl()
        study.embed()
        made.append(study)
    return made[0], made[1]


def _asked(study: plait.Study, person_id: list[int]) -> FusionTable:
    return study.get_historical_features({"person_id": person_id, "prediction_time": [NOW] * len(person_id)})


@pytest.fixture(scope="module")
def tables(studies: tuple[plait.Study, plait.Study]) -> tuple[FusionTable, FusionTable]:
    people = list(range(1, PATIENTS + 1))
    return _asked(studies[0], people), _asked(studies[1], people)


def test_the_poison_is_there(studies: tuple[plait.Study, plait.Study]) -> None:
    plain, poisoned = (study.digest() for study in studies)
    assert {name for name in plain if plain[name] != poisoned[name]} >= {"measurement", "condition_occurrence", "drug_exposure", "note", "visit_occurrence"}


def _same(one: object, other: object) -> None:
    """Compare two answers part by part, bit for bit."""
    parts = ("starts", "codes", "values", "age_days", "reason") if isinstance(one, Ragged) else ("values", "reason", "age_days", "n_obs", "filled")
    for part in parts:
        mine, theirs = np.ascontiguousarray(getattr(one, part)), np.ascontiguousarray(getattr(other, part))
        assert mine.shape == theirs.shape, part
        assert mine.tobytes() == theirs.tobytes(), part


def test_what_happens_later_changes_no_bit(tables: tuple[FusionTable, FusionTable]) -> None:
    plain, poisoned = tables
    assert plain.views == poisoned.views
    for name in plain.views:
        assert getattr(plain[name], "names", None) == getattr(poisoned[name], "names", None), name
        _same(plain[name], poisoned[name])
        assert plain[name].present.any(), f"{name}: nothing to compare"


def test_who_was_in_a_cohort_by_then_is_in_it(studies: tuple[plait.Study, plait.Study]) -> None:
    rows = [study.cohort("cancer").rows.filter(pl.col("prediction_time") < NOW) for study in studies]
    assert rows[0].height > 3
    assert rows[0].equals(rows[1])


def test_a_patient_asked_for_alone_has_the_numbers_of_the_batch(studies: tuple[plait.Study, plait.Study], tables: tuple[FusionTable, FusionTable]) -> None:
    table = tables[0]
    for row in (0, 7, PATIENTS - 1):
        alone, batch = _asked(studies[0], [row + 1]), table.take(np.asarray([row]))
        for name in table.views:
            one, other = alone[name], batch[name]
            if not isinstance(other, Ragged) and other.names != one.names:  # features that only others have: of this one silent
                other = other.columns([other.names.index(feature) for feature in one.names])
            _same(one, other)


def test_observed_is_reason_0_and_nothing_else(tables: tuple[FusionTable, FusionTable]) -> None:
    for name in tables[0].views:
        answer = tables[0][name]
        if not isinstance(answer, Ragged):
            assert ((answer.reason == Reason.OBSERVED) == answer.observed).all()
            assert (np.isfinite(answer.values) == (answer.observed | answer.filled)).all()
