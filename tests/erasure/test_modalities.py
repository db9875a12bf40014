"""Persons of whom there is everything: notes, molecular data, images, embeddings and snapshots; all of it goes, and the rest stays as it was."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

import plait
from plait.demo import write_demo
from plait.errors import SnapshotError
from plait.featurestore.snapshot import check_snapshot, open_snapshot
from shell import command

if TYPE_CHECKING:
    from pathlib import Path

    from plait.erasure.forget import Forgotten

VIEWS = """
features:
  - {view: notes, modality: text, encoder: {kind: hashing, dim: 16}}
  - {view: clinical, modality: covariates}
  - {view: events, modality: events, lookback_days: 730}
  - {view: rna, modality: omics, assay: rna.tumours, transform: log1p}
  - {view: ct, modality: image, encoder: {kind: first-order, range: [-500, 3000]}}
  - {view: wsi, modality: slide, encoder: {kind: stain, mpp: 1.0, tile_pixels: 128}}
"""


@dataclass(frozen=True)
class Whole:
    """A study with everything, and two persons who have all of it between them."""

    path: Path
    persons: tuple[int, int]
    ids: dict[str, str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Give a small study with embeddings and snapshots; not to be changed."""
    folder = tmp_path_factory.mktemp("whole") / "study"
    write_demo(folder, persons=20, with_faults=False)
    settings = folder / "plait.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").split("\nfeatures:\n")[0] + VIEWS, encoding="utf-8")
    study = plait.open(folder)
    study.run_etl(threads=2)
    study.embed()
    study.verify()
    study = plait.open(folder)
    con = study.connect()
    of_images = "SELECT person_id FROM plait.image_item INNER JOIN cdm.image_occurrence USING (image_occurrence_id) WHERE source = $source"
    (scanned,) = con.execute(f"SELECT min(person_id) FROM ({of_images})", {"source": "pacs"}).fetchone()
    of_all = f"cdm.omics_occurrence SEMI JOIN cdm.note USING (person_id) SEMI JOIN ({of_images}) USING (person_id)"
    of_rna = f"SELECT min(person_id) FROM {of_all} WHERE assay = 'rna.tumours' AND person_id != $one"
    (cut,) = con.execute(of_rna, {"source": "slides", "one": scanned}).fetchone()
    everyone = study.table("person").select("person_id", prediction_time=pl.lit("2020-06-30").str.to_date())
    table = study.get_historical_features(everyone, None)
    train, test = table.split("patient", test=0.4, seed=3)
    fitted = train.fit(imputer="median")
    ids = {"all": table.save(folder / "snapshots" / "all")}
    ids |= {name: part.apply(fitted).save(folder / "snapshots" / name) for name, part in (("train", train), ("test", test))}
    return Whole(folder, (scanned, cut), ids)


@pytest.fixture(scope="module")
def rid(whole: Whole, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Forgotten]:
    """Give that study without the person, and what was done; not to be changed."""
    folder = tmp_path_factory.mktemp("rid") / "study"
    shutil.copytree(whole.path, folder)
    return folder, plait.open(folder).forget(*whole.persons)[0]


def test_everything_of_them_goes(whole: Whole, rid: tuple[Path, Forgotten]) -> None:
    folder, done = rid
    assert done.is_proved, done.left
    assert {taken.path.parent.name for taken in done.embeddings} == {"notes", "ct", "wsi"}
    assert {held.source for held in done.sources} >= {"ehr", "letters", "lab", "rna", "pacs", "slides", "identity"}
    systems = {row["system"] for row in pl.read_parquet(folder / plait.open(folder).version.crosswalk).iter_rows(named=True)}
    assert "plait:forgotten" in systems
    assert not (folder / "warehouse" / "headers" / "pacs.parquet").exists()
    for table in folder.glob("features/*/*"):
        rows = pl.concat([pl.read_parquet(part, columns=["person_id"]) for part in sorted(table.glob("*.parquet"))])
        assert rows.height
        assert not set(whole.persons) & set(rows["person_id"].to_list())
        (mark,) = json.loads((table / "forgotten.json").read_text(encoding="utf-8"))
        assert mark["persons"] in {1, 2}


def test_an_assay_keeps_the_others_as_they_were(whole: Whole, rid: tuple[Path, Forgotten]) -> None:
    folder, _ = rid
    with plait.open(whole.path).assay("rna.tumours") as before, plait.open(folder).assay("rna.tumours") as now:
        kept = [place for place, person in enumerate(before.persons) if person not in whole.persons]
        assert 0 < len(kept) < len(before.persons)
        assert now.items == [before.items[place] for place in kept]
        then, there = before.read(), now.read()
        assert np.array_equal(np.asarray(there.X), np.asarray(then[kept].X), equal_nan=True)
        assert list(there.layers) == list(then.layers)
        assert there.uns["plait"] == then.uns["plait"]
        assert there.obs.equals(then.obs.iloc[kept])
    book = plait.open(folder).table("plait.omics_file").filter(pl.col("assay") == "rna.tumours")
    assert book["items"].item() == len(kept)
    assert (folder / book["path"].item()).is_file()


@pytest.mark.long
def test_vectors_of_the_others_are_as_they_were(whole: Whole, rid: tuple[Path, Forgotten]) -> None:
    folder, _ = rid
    others = plait.open(folder).table("person").select("person_id", prediction_time=pl.lit("2020-06-30").str.to_date())
    before = plait.open(whole.path).get_historical_features(others, None)
    now = plait.open(folder).get_historical_features(others, None)
    for view in ("notes", "ct", "wsi", "rna", "clinical"):
        assert np.array_equal(before[view].values, now[view].values, equal_nan=True), view
        assert np.array_equal(before[view].reason, now[view].reason), view


def test_snapshots_keep_the_others_and_say_what_happened(whole: Whole, rid: tuple[Path, Forgotten]) -> None:
    folder, done = rid
    assert {taken.path.name: taken.was for taken in done.snapshots} == whole.ids
    for taken in done.snapshots:
        path = folder / "snapshots" / taken.path.name
        assert check_snapshot(path, id=taken.now).id == taken.now
        with pytest.raises(SnapshotError, match=f"2 of its persons were forgotten.*{taken.now}"):
            check_snapshot(path, id=taken.was)
        before, now = open_snapshot(whole.path / "snapshots" / taken.path.name), open_snapshot(path)
        kept = np.flatnonzero(~np.isin(before.index.person_id, whole.persons))
        assert now.index.frame.equals(before.index.frame[kept])
        for view, answer in before.take(kept).answers.items():
            assert np.array_equal(answer.values, now[view].values, equal_nan=True), view
        if now.part is not None:
            assert not any(set(whole.persons) & set(persons.tolist()) for persons in now.part.split.parts.values())
            assert now.fitted is not None
            assert not set(whole.persons) & set(now.fitted.persons)
            assert now.fitted.forgotten == len(set(whole.persons) & set(before.fitted.persons))


def test_what_is_left_passes_its_checks(rid: tuple[Path, Forgotten]) -> None:
    folder, _ = rid
    report = plait.open(folder).validate("snapshots", "embeddings")
    assert report.is_sound, [result.check.id for result in report.failed()]


def test_consent_may_still_name_them(whole: Whole, rid: tuple[Path, Forgotten], tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(rid[0], folder)
    name = plait.open(whole.path).table("person").filter(pl.col("person_id") == whole.persons[0])["person_source_value"].item()
    (folder / "data" / "consent.csv").write_text(f"system,person,modality,decision,from,to\nsynthea,{name},text,deny,,\n", encoding="utf-8")
    (folder / "plait.yaml").write_text((folder / "plait.yaml").read_text(encoding="utf-8") + "consent: data/consent.csv\n", encoding="utf-8")
    others = plait.open(folder).table("person").select("person_id", prediction_time=pl.lit("2020-06-30").str.to_date())
    assert plait.open(folder).get_historical_features(others, ["notes"])["notes"].values.shape[0] == 18
    result = command("forget", f"synthea={name}", "-s", folder, "--yes")
    assert result.code == 0
    assert name not in result.out + result.err


@pytest.mark.long
def test_a_full_run_gives_the_same(whole: Whole, rid: tuple[Path, Forgotten], tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(rid[0], folder)
    digest = plait.open(folder).digest()
    plait.open(folder).run_etl(threads=2, full=True)
    study = plait.open(folder)
    study.embed()
    study.verify()
    assert plait.open(folder).digest() == digest
    again = plait.open(folder).forget(*whole.persons)[0]
    assert again.again
    assert again.is_proved, again.left
