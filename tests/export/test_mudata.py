"""`plait export mudata`: a snapshot's values, masks and reasons, person by person, and nothing that tells who or when."""

# ruff: noqa: DTZ001 - times are local, as in OMOP
from __future__ import annotations

import datetime as dt
import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import h5py
import mudata
import numpy as np
import polars as pl
import pytest

import plait
from plait.errors import ExportError
from plait.export.deidentify.key import ExportKey
from plait.export.snapshots import need_leaving, without_calendar
from plait.policy_settings import PolicySettings
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from plait.featurestore.table import FusionTable
    from shell import Result

KEY = "mudata"


@pytest.fixture(scope="module")
def table(few: Path) -> FusionTable:
    """Give a table that is kept as the snapshot `whole`, with its training rows as `train`."""
    study = plait.open(few)
    persons = study.table("person").sort("person_id")
    seen = study.table("observation_period").group_by("person_id").agg(pl.col("observation_period_end_date").max())
    index = (
        persons.join(seen, on="person_id")
        .sort("person_id", descending=True)
        .select(
            "person_id",
            pl.col("observation_period_end_date").cast(pl.Datetime("us")).alias("prediction_time"),
            pl.col("observation_period_end_date").alias("seen"),
            pl.col("care_site_id").fill_null(7),
            pl.lit("yes").alias("label"),
        )
    )
    made = study.get_historical_features(index, ["clinical", "events", "variants", "rna"])
    made.save(few / "snapshots" / "whole")
    made.split("patient", test=0.3, seed=7)[0].save(few / "snapshots" / "train")
    return made


@pytest.fixture(scope="module")
def exported(few: Path, table: FusionTable, tmp_path_factory: pytest.TempPathFactory, command: Callable[..., Result]) -> Path:
    assert len(table) == 20
    folder = tmp_path_factory.mktemp("mudata") / "out"
    arguments = ("export", "mudata", folder, "-s", few, "--snapshot", "whole", "--snapshot", "train", "--key", KEY)
    refused = command(*arguments)
    assert refused.code == 2
    result = command(*arguments, "--row-level", "--json")
    assert result.code == 0, result.err
    said = json.loads(result.out)["snapshots"]
    assert [(one["name"], one["left_out"], one["suppressed"]) for one in said] == [("whole", 0, 0), ("train", 0, 0)]
    assert "care_site_id" in said[0]["dropped"]
    return folder


@pytest.fixture(scope="module")
def whole(exported: Path) -> Any:  # noqa: ANN401 - a MuData
    with mudata.set_options(pull_on_update=False):
        return mudata.read_h5mu(exported / "whole.h5mu")


@pytest.fixture(scope="module")
def who(few: Path) -> pl.DataFrame:
    """Give new_id, the person's place in the table, and shift_days."""
    con = plait.open(few).connect()
    ExportKey.kept(few, KEY).make_pseudonyms(con, "SELECT person_id FROM cdm.person")
    return con.execute("SELECT new_id, person_id, shift_days FROM pseudonym ORDER BY new_id").pl()


def test_values_masks_and_reasons_are_those_of_the_snapshot(whole: Any, table: FusionTable, who: pl.DataFrame) -> None:  # noqa: ANN401
    assert whole.obs["person_id"].tolist() == who["new_id"].to_list()
    place = {person: place for place, person in enumerate(table.index.person_id.tolist())}
    rows = [place[person] for person in who["person_id"].to_list()]
    for view in ("clinical", "variants", "rna"):
        answer, made = table[view], whole[view]
        features = [answer.names.index(name) for name in made.var["feature"]]
        assert np.array_equal(made.X, answer.values[np.ix_(rows, features)], equal_nan=True), view
        for layer in ("observed", "filled", "reason"):
            assert np.array_equal(made.layers[layer], np.asarray(getattr(answer, layer))[np.ix_(rows, features)]), (view, layer)
        assert np.array_equal(made.obs["present"], answer.present[rows])
        assert np.array_equal(made.layers["observed"], made.layers["reason"] == Reason.OBSERVED)
    events = table.to_mudata()["events"]
    assert np.array_equal(whole["events"].X.toarray(), events.X.toarray()[rows])


def test_the_calendar_and_places_stay(whole: Any, table: FusionTable) -> None:  # noqa: ANN401
    lost = {*table["clinical"].names} - {*whole["clinical"].var["feature"]}
    assert lost
    assert {int(name) % 1000 for name in lost} <= {6, 7, 11, 12}
    assert not {int(name) % 1000 for name in whole["clinical"].var["feature"]} & {6, 7, 11, 12}
    assert list(whole.obs) == ["person_id", "prediction_time", "seen", "label"]


def test_times_are_shifted_as_all_of_the_person(whole: Any, table: FusionTable, who: pl.DataFrame) -> None:  # noqa: ANN401
    frame = who.join(table.index.frame, on="person_id", how="left").sort("new_id")
    for column in ("prediction_time", "seen"):
        wanted = frame.select(pl.col(column) + pl.duration(days=pl.col("shift_days")))[column].dt.to_string("iso")
        assert whole.obs[column].astype(str).tolist() == wanted.to_list()


def test_a_part_of_a_split_says_which(exported: Path) -> None:
    with mudata.set_options(pull_on_update=False):
        train = mudata.read_h5mu(exported / "train.h5mu")
    assert set(train.obs["split"]) == {"train"}
    assert 5 < train.n_obs < 20


def test_nothing_of_the_study_is_left(exported: Path, few: Path) -> None:
    assert {line.split("  ")[1] for line in (exported / "SHA256SUMS").read_text(encoding="utf-8").splitlines()} == {"train.h5mu", "whole.h5mu"}
    con = plait.open(few).connect()
    known = [row[0].encode() for row in con.execute("SELECT person_source_value FROM cdm.person").fetchall()]
    content = (exported / "whole.h5mu").read_bytes()
    assert not any(name in content for name in known)
    with h5py.File(exported / "whole.h5mu") as file:
        told = [str(file[name][()]) for name in ("uns/plait", "mod/rna/uns/plait", "mod/clinical/uns/plait")]
    assert not [text for text in told if str(few) in text or "sha256" in text]


def test_an_age_above_89_is_withheld() -> None:
    from plait.featurestore.aligned import Aligned

    values = np.array([[70, 3, 5], [95, 4, 6]], np.float32)
    answer = Aligned("clinical", ("1002", "2006", "9999101"), values, np.zeros((2, 3), np.uint8), np.zeros((2, 3), np.float32), np.ones((2, 3), np.int32))
    made, lost = without_calendar(answer, np.array([False, True]), pl.Series([1, 2]), pl.Series([dt.datetime(2020, 1, 5)] * 2))
    assert lost == ["2006"]
    assert made.names == ("1002", "9999101")
    assert made.reason.tolist() == [[0, 0], [Reason.WITHHELD, 0]]
    assert np.array_equal(made.values, [[70, 5], [np.nan, 6]], equal_nan=True)


@pytest.mark.parametrize(
    ("withhold", "view", "made_of"),
    [
        (["condition_occurrence"], "clinical", "condition_era"),
        (["device_exposure"], "events", "device_exposure"),
        (["omics_variant"], "variants", "omics_variant"),
        (["omics_occurrence"], "rna", "omics_occurrence"),
        (["note", "image_occurrence", "cost"], None, None),
    ],
)
def test_a_view_of_what_is_withheld_does_not_leave(table: FusionTable, withhold: list[str], view: str | None, made_of: str) -> None:
    withheld = PolicySettings(withhold=tuple(withhold)).withheld
    for name in table.answers:
        refused = pytest.raises(ExportError, match=f"{view}, which is made of {made_of}") if name == view else nullcontext()
        if name == view or view is None:
            with refused:
                need_leaving("whole", table.only([name]), withheld)


def test_a_snapshot_that_is_not_there(few: Path, tmp_path: Path, command: Callable[..., Result]) -> None:
    result = command("export", "mudata", tmp_path / "out", "-s", few, "--snapshot", "none", "--row-level")
    assert result.code == 1
    assert "snapshots/none" in result.err
    assert not (tmp_path / "out").exists()
