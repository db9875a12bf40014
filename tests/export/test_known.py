"""What a study knows of who somebody is: what sources declare is read from their files, of whom, and nothing of it is kept."""

from __future__ import annotations

import gzip
import json
import shutil
from typing import TYPE_CHECKING

import polars as pl
import pytest

import plait
from plait.errors import ConfigError
from plait.etl.catalog import open_catalog
from plait.etl.sources.folder import open_source
from plait.export.known.identifiers import gather
from plait.settings import SourceSettings

if TYPE_CHECKING:
    from pathlib import Path

    from plait.export.known.identifiers import Known
    from tiny_study import Tiny


def known_of(folder: Path) -> Known:
    """Give what a study knows."""
    study = plait.open(folder)
    assert study.version is not None
    with open_catalog(folder, study.version) as con:
        known = gather(con, folder, study.version, study.settings, folder / "spill")
        assert known.texts.height > 0 < len(known.everywhere)  # both are read from the connection when they are asked for
        return known


def test_the_demo_knows_its_patients(demo_study: Path) -> None:
    known = known_of(demo_study)
    patients = pl.read_csv(demo_study / "data/synthea/patients.csv", infer_schema=False)
    first = patients.row(0, named=True)
    (person,) = known.texts.filter((pl.col("text") == first["Id"]) & pl.col("person_id").is_not_null())["person_id"].unique()
    mine = known.texts.filter(pl.col("person_id") == person)
    told = set(mine.select("kind", "text").iter_rows())
    full = f"{first['LAST']} {first['FIRST']}"
    assert {("name", first["FIRST"]), ("name", full), ("number", first["SSN"]), ("address", first["ADDRESS"]), ("place", first["CITY"])} <= told
    assert known.unread == ()
    spelt = [full, first["SSN"], first["SSN"].replace("-", ""), first["ADDRESS"].upper(), first["Id"]]
    assert set(known.everywhere.within(pl.Series(spelt))["row"]) == set(range(len(spelt)))
    assert not known.everywhere.within(pl.Series([first["FIRST"], first["CITY"], "Malignant neoplasm of breast", "2160-0"])).height
    uids = known.texts.filter((pl.col("kind") == "number") & pl.col("text").str.starts_with("2.25."))
    assert uids.height > 100
    assert {row[0] for row in known.texts.filter(pl.col("kind") == "file").select("text").iter_rows()} >= {"IMG-2041"}


def test_nothing_of_it_is_kept(demo_study: Path) -> None:
    before = {path for path in demo_study.rglob("*") if path.is_file()}
    known_of(demo_study)
    assert {path for path in demo_study.rglob("*") if path.is_file()} == before


def test_elements_of_json_are_followed(shared: Path, demo_study: Path, tmp_path: Path) -> None:
    folder = shared / "data/fhir/smart-bulk-13"
    lines = ["study: bulk", f"vocabulary: {demo_study}/data/athena", "sources:", f"  - {{name: ehr, kind: fhir, path: {tmp_path}/fhir,"]
    (tmp_path / "plait.yaml").write_text("\n".join([*lines, '     person_system: "http://hospital.smarthealthit.org"}']) + "\n", encoding="utf-8")
    (tmp_path / "fhir").mkdir()
    for name in ("Patient.000.ndjson.gz", "Practitioner.000.ndjson.gz", "Organization.000.ndjson.gz"):
        shutil.copy(folder / name, tmp_path / "fhir" / name)
    plait.open(tmp_path).run_etl()
    known = known_of(tmp_path).texts
    with gzip.open(folder / "Patient.000.ndjson.gz", "rt", encoding="utf-8") as stream:
        patients = [json.loads(line) for line in stream]
    for patient in patients:
        (person,) = known.filter(pl.col("text") == patient["id"])["person_id"].unique()
        mine = set(known.filter(pl.col("person_id") == person).select("kind", "text").iter_rows())
        name, address = patient["name"][0], patient["address"][0]
        assert {("name", name["family"]), ("name", f"{name['given'][0]} {name['family']}"), ("address", address["line"][0])} <= mine
        assert {("number", one["value"]) for one in patient["identifier"]} <= mine
        assert ("phone", patient["telecom"][0]["value"]) in mine
    assert known.filter(pl.col("person_id").is_null() & (pl.col("kind") == "name")).height > 50


def test_a_hospitals_own_folder_declares_its_columns(tiny: Tiny) -> None:
    kind = tiny.path / "sources/clinic"
    kind.mkdir(parents=True)
    rules = {
        "kind": "clinic",
        "description": "visits of a clinic",
        "person_system": "clinic",
        "files": {
            "people": {"needs": ["no", "born"], "ignored": {"full_name": "a name"}, "identifying": {"person": "no", "name": ["FULL_NAME"], "email": ["mail"]}}
        },
    }
    (kind / "source.yaml").write_text(json.dumps(rules), encoding="utf-8")
    (kind / "people.person.sql").write_text("SELECT _pointer, no AS person, plait_time(born) AS birth FROM people\n", encoding="utf-8")
    (tiny.path / "clinic").mkdir()
    (tiny.path / "clinic/people.csv").write_text("no,born,full_name\nC-1,1970-01-02,Maximiliane Obermoser\nC-2,1980-01-02,\n", encoding="utf-8")
    settings = tiny.path / "plait.yaml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace("sources:\n", "sources:\n  - {name: clinic, kind: ./sources/clinic, path: clinic}\n"), encoding="utf-8"
    )
    plait.open(tiny.path).run_etl()
    known = known_of(tiny.path)
    (row,) = known.texts.filter(pl.col("text") == "Maximiliane Obermoser").iter_rows()
    assert row[0] is not None
    assert known.everywhere.within(pl.Series(["seen: MAXIMILIANE OBERMOSER"])).height == 1
    (tiny.path / "clinic/people.csv").unlink()
    assert known_of(tiny.path).unread == ("clinic",)


def test_what_identifies_changes_no_row_and_no_fingerprint(tmp_path: Path) -> None:
    kind = tmp_path / "clinic"
    kind.mkdir()
    (kind / "people.person.sql").write_text("SELECT _pointer, number AS person FROM people\n", encoding="utf-8")
    texts = []
    for more in ("", ", identifying: {person: number, name: [full_name]}"):
        rules = f"kind: clinic\ndescription: visits\nperson_system: clinic\nfiles:\n  people: {{needs: [number]{more}}}\n"
        (kind / "source.yaml").write_text(rules, encoding="utf-8")
        texts.append(open_source(SourceSettings.model_validate({"name": "clinic", "kind": "./clinic", "path": "data"}), tmp_path).text)
    assert texts[0] == texts[1]
    (kind / "source.yaml").write_text(rules.replace("full_name", "full_name], nick: [x"), encoding="utf-8")
    with pytest.raises(ConfigError, match="identifying"):
        open_source(SourceSettings.model_validate({"name": "clinic", "kind": "./clinic", "path": "data"}), tmp_path)
