"""DICOM by reference: every file ends in a series or in the rejects, whatever it is."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom.data
import pytest

import plait
from plait.etl.sources.dicom import headers
from plait.etl.sources.listing import list_folder
from tiny_dicom import write_dicom

if TYPE_CHECKING:
    from collections.abc import Callable

    from pacs_study import Sandbox

    Rows = Callable[[plait.Study, str], list[tuple[Any, ...]]]


def books(study: plait.Study) -> dict[str, dict[str, Any]]:
    """Give the ledger of the images by shape, having seen that it balances."""
    found = {row["shape"]: row for row in study.status()["ledger"] if row["source"] == "pacs"}
    assert all(row["read"] == row["loaded"] + row["merged"] + row["rejected"] + row["ignored"] for row in found.values())
    return found


def reasons(study: plait.Study) -> dict[str, str]:
    """Give why each file was rejected, by its name."""
    import json

    return {json.loads(row["raw"])["name"]: row["reason"] for row in study.rejects() if row["shape"] == "image"}


def test_a_series_is_one_row(sandbox: Sandbox, rows: Rows) -> None:
    for number in range(3):
        write_dicom(sandbox.pacs / f"a/{number}.dcm", AccessionNumber="A1", AcquisitionDate="20200103", AcquisitionTime=f"10160{3 - number}.5")
    write_dicom(sandbox.pacs / "b.dcm", SeriesInstanceUID="1.2.3.1.2", Modality="MR", MagneticFieldStrength="1.5")
    study = sandbox.run()
    assert rows(
        study,
        "SELECT image_series_uid, image_study_uid, CAST(image_occurrence_date AS VARCHAR), local_path, wadors_uri, modality, accession, instance_count, "
        "r.procedure_occurrence_id FROM cdm.image_occurrence AS r INNER JOIN plait.image_item USING (image_occurrence_id) ORDER BY 1",
    ) == [
        ("1.2.3.1.1", "1.2.3.1", "2020-01-03", "a/0.dcm", None, "CT", "A1", 3, 4194304),
        ("1.2.3.1.2", "1.2.3.1", "2020-01-02", "b.dcm", None, "MR", None, 1, 4194304),
    ]
    assert rows(study, "SELECT procedure_occurrence_id, procedure_type_concept_id FROM cdm.procedure_occurrence") == [(4194304, 32880)]
    assert rows(study, "SELECT uri FROM plait.image_file ORDER BY 1") == [("a/0.dcm",), ("a/1.dcm",), ("a/2.dcm",), ("b.dcm",)]
    features = rows(
        study,
        "SELECT image_series_uid, measurement_source_value, value_as_number, unit_source_value FROM cdm.image_feature "
        "INNER JOIN cdm.image_occurrence USING (image_occurrence_id) INNER JOIN cdm.measurement ON image_feature_event_id = measurement_id ORDER BY ALL",
    )
    assert features == [
        ("1.2.3.1.1", "SliceThickness", 2.5, "mm"),
        ("1.2.3.1.2", "MagneticFieldStrength", 1.5, "T"),
        ("1.2.3.1.2", "SliceThickness", 2.5, "mm"),
    ]
    assert (books(study)["image"]["loaded"], books(study)["image"]["merged"]) == (2, 2)


def test_the_examination_of_the_chart_is_the_procedure(sandbox: Sandbox, rows: Rows) -> None:
    (sandbox.folder / "people" / "scans.csv").write_text("id,day,code,accession\np1,2020-01-02,77477000,A1\np1,2020-01-02,399208008,\n", encoding="utf-8")
    write_dicom(sandbox.pacs / "a.dcm", AccessionNumber="A1")
    write_dicom(sandbox.pacs / "b.dcm", StudyInstanceUID="1.2.3.2", SeriesInstanceUID="1.2.3.2.1", AccessionNumber="A2")
    study = sandbox.run()
    assert rows(
        study,
        "SELECT image_study_uid, procedure_source_value, procedure_type_concept_id FROM cdm.image_occurrence "
        "INNER JOIN cdm.procedure_occurrence USING (procedure_occurrence_id) ORDER BY 1",
    ) == [("1.2.3.1", "77477000", 32817), ("1.2.3.2", "CT", 32880)]
    assert rows(study, "SELECT count(*) FROM cdm.procedure_occurrence") == [(3,)]


def test_an_examination_may_name_the_uid_of_its_study_or_of_a_series(sandbox: Sandbox, rows: Rows) -> None:
    (sandbox.folder / "people" / "scans.csv").write_text(
        "id,day,code,accession\np1,2020-01-02,77477000,1.2.3.1\np1,2020-01-02,399208008,9.2.2\n", encoding="utf-8"
    )
    write_dicom(sandbox.pacs / "a.dcm")
    for number in (1, 2):
        write_dicom(sandbox.pacs / f"b{number}.dcm", StudyInstanceUID="9.2", SeriesInstanceUID=f"9.2.{number}")
    found = "SELECT image_series_uid, procedure_source_value FROM cdm.image_occurrence INNER JOIN cdm.procedure_occurrence USING (procedure_occurrence_id)"
    assert rows(sandbox.run(), f"{found} ORDER BY 1") == [("1.2.3.1.1", "77477000"), ("9.2.1", "399208008"), ("9.2.2", "399208008")]


def test_names_never_leave_the_file(sandbox: Sandbox) -> None:
    write_dicom(sandbox.pacs / "a.dcm", PatientName="Øystein^Ünïcode", PatientBirthDate="19610203", PatientAddress="Hidden Lane 7")
    study = sandbox.run()
    known = b"".join(path.read_bytes() for path in study.path.rglob("*.parquet"))
    assert b"Hidden Lane" not in known
    assert "Øystein".encode() not in known


def test_what_is_no_series_is_rejected_and_stops_nothing(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> None:
    pacs = sandbox.pacs
    whole = write_dicom(pacs / "good.dcm")
    (pacs / "empty.dcm").touch()
    (pacs / "notes.txt").write_text("no image at all", encoding="utf-8")
    (pacs / "cut.dcm").write_bytes(whole.read_bytes()[:-9])
    write_dicom(pacs / "no series.dcm", SeriesInstanceUID=None)
    write_dicom(pacs / "stranger.dcm", PatientID="p9", SeriesInstanceUID="1.2.3.9")
    write_dicom(pacs / "nobody.dcm", PatientID=None, SeriesInstanceUID="1.2.3.8")
    write_dicom(pacs / "undated.dcm", StudyDate=None, SeriesInstanceUID="1.2.3.7")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (pacs / "link.dcm").symlink_to(write_dicom(elsewhere / "out.dcm"))
    (pacs / "dangling.dcm").symlink_to(elsewhere / "none.dcm")
    (pacs / "around").symlink_to(pacs)
    study = sandbox.run()
    assert reasons(study) == {
        "empty.dcm": "empty_file",
        "notes.txt": "not_dicom",
        "cut.dcm": "truncated_dicom",
        "no series.dcm": "missing_uid",
        "stranger.dcm": "unknown_person",
        "nobody.dcm": "missing_value",
        "undated.dcm": "undated_image",
        "link.dcm": "outside_folder",
        "dangling.dcm": "outside_folder",
    }
    assert books(study)["image"]["loaded"] == 1


def test_a_file_without_a_preamble_is_read(sandbox: Sandbox) -> None:
    whole = write_dicom(sandbox.pacs / "a.dcm", SOPInstanceUID="1.2.3.4.5")
    (sandbox.pacs / "b.dcm").write_bytes(whole.read_bytes()[132:])
    study = sandbox.run()
    assert (books(study)["image"]["loaded"], books(study)["image"]["merged"]) == (1, 1)
    assert ("duplicate_instance", 1) in [(row["kind"], row["records"]) for row in study.status()["notices"]]


@pytest.mark.parametrize("name", ["with spaces.dcm", "tumour 🫁.dcm", "картинка.dcm", "no suffix"])
def test_names_of_any_kind(sandbox: Sandbox, rows: Rows, name: str) -> None:
    write_dicom(sandbox.pacs / "deep" / name)
    assert rows(sandbox.run(), "SELECT local_path FROM cdm.image_occurrence") == [(f"deep/{name}",)]


def test_members_of_archives_are_read_where_they_stand(sandbox: Sandbox, rows: Rows) -> None:
    one = write_dicom(sandbox.folder / "made" / "one.dcm")
    with zipfile.ZipFile(sandbox.pacs / "series.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(one, "study/one.dcm")
        archive.write(one, "../../escape.dcm")
        archive.writestr("readme.txt", "text")
        archive.writestr("bomb.dcm", b"\0" * 128 + b"DICM" + b"\0" * (80 << 20))
        huge = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00" + b"\x09\x00\x01\x10OB\x00\x00" + struct.pack("<I", 80 << 20)
        archive.writestr("far.dcm", b"\0" * 128 + b"DICM" + huge + b"\1" * (80 << 20))
    (sandbox.pacs / "broken.zip").write_bytes((sandbox.pacs / "series.zip").read_bytes()[:4000])
    before = set(sandbox.folder.parent.rglob("escape*"))
    study = sandbox.run()
    assert rows(study, "SELECT uri FROM plait.image_file ORDER BY 1") == [("series.zip!../../escape.dcm",), ("series.zip!study/one.dcm",)]
    found = reasons(study)
    assert found.keys() == {"broken.zip", "series.zip!readme.txt", "series.zip!bomb.dcm", "series.zip!far.dcm"}
    assert found["broken.zip"] == "broken_archive"
    assert found["series.zip!far.dcm"] == "header_too_long"
    assert set(sandbox.folder.parent.rglob("escape*")) == before


def test_a_large_private_element_is_passed_over(sandbox: Sandbox) -> None:
    import resource

    from pydicom.dataset import Dataset

    path = write_dicom(sandbox.pacs / "a.dcm")
    file = pydicom.dcmread(path)
    block = file.private_block(0x0009, "made up", create=True)
    block.add_new(0x01, "OB", b"\1" * (100 << 20))
    assert isinstance(file, Dataset)
    file.save_as(path)
    del file, block
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ((record,),) = headers.read_some(headers.Work(str(sandbox.pacs), list_folder(sandbox.pacs).entries))
    assert record[-1] is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 << 10


def test_a_series_of_two_patients_is_nobodys(sandbox: Sandbox, rows: Rows) -> None:
    write_dicom(sandbox.pacs / "a.dcm")
    write_dicom(sandbox.pacs / "b.dcm", PatientID="p2")
    write_dicom(sandbox.pacs / "c.dcm", PatientID="p2", SeriesInstanceUID="1.2.3.2")
    study = sandbox.run()
    assert reasons(study) == {"a.dcm": "claimed_twice", "b.dcm": "claimed_twice"}
    assert rows(study, "SELECT image_series_uid, person_id FROM cdm.image_occurrence") == [("1.2.3.2", 2)]
    (sandbox.pacs / "b.dcm").unlink()
    study = sandbox.run()
    assert reasons(study) == {}
    assert rows(study, "SELECT image_series_uid, person_id FROM cdm.image_occurrence ORDER BY 1") == [("1.2.3.1.1", 1), ("1.2.3.2", 2)]


def test_burned_in_text_is_noticed(sandbox: Sandbox) -> None:
    write_dicom(sandbox.pacs / "a.dcm", BurnedInAnnotation="YES")
    assert ("burned_in_annotation", 1) in [(row["kind"], row["records"]) for row in sandbox.run().status()["notices"]]


def test_a_rerun_does_nothing_and_a_new_file_touches_its_patient_alone(sandbox: Sandbox) -> None:
    write_dicom(sandbox.pacs / "a.dcm")
    write_dicom(sandbox.pacs / "b.dcm", PatientID="p2", SeriesInstanceUID="1.2.3.2")
    study = sandbox.settings()
    assert study.run_etl(threads=2).changed
    assert not study.run_etl(threads=2).changed
    write_dicom(sandbox.pacs / "c.dcm")
    report = study.run_etl(threads=2)
    assert {entry.source: (entry.added, entry.changed, entry.removed) for entry in report.sources}["pacs"] == (0, 1, 0)
    fresh = type(sandbox)(sandbox.folder.with_name(f"{sandbox.folder.name}-fresh"))
    fresh.folder.mkdir()
    fresh.people(["p1", "p2"])
    again = fresh.run(str(sandbox.pacs))
    assert plait.open(study.path).digest() == again.digest()


def test_headers_are_the_same_in_one_process_and_in_several(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        write_dicom(sandbox.pacs / f"{number}.dcm", InstanceNumber=number)
    entries = list_folder(sandbox.pacs).entries
    here = [record for some in headers.read_all(str(sandbox.pacs), entries) for record in some]
    monkeypatch.setattr(headers, "_MANY", 1)
    monkeypatch.setattr(headers, "_BATCH", 7)
    there = [record for some in headers.read_all(str(sandbox.pacs), entries) for record in some]
    assert here == there
    assert len(here) == 20


@pytest.mark.long
def test_the_digest_does_not_depend_on_shards(sandbox: Sandbox) -> None:
    for number in range(4):
        write_dicom(sandbox.pacs / f"a{number}.dcm", AccessionNumber="A1", InstanceNumber=number)
    write_dicom(sandbox.pacs / "b.dcm", PatientID="p2", SeriesInstanceUID="1.2.3.2", KVP="120")
    write_dicom(sandbox.pacs / "c.dcm", PatientID="p2", SeriesInstanceUID="1.2.3.1.1")  # claimed twice
    one = sandbox.settings()
    one.run_etl(threads=2)
    other = type(sandbox)(sandbox.folder.with_name(f"{sandbox.folder.name}-shards"))
    other.folder.mkdir()
    other.people(["p1", "p2"])
    several = other.settings(str(sandbox.pacs), shard_persons=1)
    several.run_etl(threads=1, executor="processes")
    digests = one.digest()
    assert several.digest() == digests
    assert {"image_occurrence", "image_feature"} <= digests.keys()


def test_what_was_read_is_not_read_again(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(sandbox.pacs / "m.zip", "w") as archive:
        archive.write(write_dicom(sandbox.folder / "made" / "one.dcm"), "one.dcm")
        archive.writestr("two.dcm", b"no image")
    write_dicom(sandbox.pacs / "a.dcm")
    write_dicom(sandbox.pacs / "z.dcm", PatientID="p2", SeriesInstanceUID="1.2.3.2")
    read: list[str] = []
    one = headers.records_of

    def counted(folder: str, entry: Any) -> Any:  # noqa: ANN401
        read.append(entry.name)
        return one(folder, entry)

    monkeypatch.setattr(headers, "records_of", counted)
    study = sandbox.settings()
    study.run_etl(threads=2)
    assert read == ["a.dcm", "m.zip", "z.dcm"], "once, although rejects are shown in their own words"
    write_dicom(sandbox.pacs / "m" / "new.dcm")
    (sandbox.pacs / "a.dcm").unlink()
    study.run_etl(threads=2)
    assert read[3:] == ["m/new.dcm"]
    fresh = type(sandbox)(sandbox.folder.with_name(f"{sandbox.folder.name}-fresh"))
    fresh.folder.mkdir()
    fresh.people(["p1", "p2"])
    assert plait.open(study.path).digest() == fresh.run(str(sandbox.pacs)).digest()
    del read[:]
    study.run_etl(threads=2, rehash=True)
    write_dicom(sandbox.pacs / "y.dcm")
    study.run_etl(threads=2, rehash=True)
    assert read == ["m.zip", "m/new.dcm", "y.dcm", "z.dcm"]


def test_a_segmentation_points_to_its_series(shared: Path, sandbox: Sandbox, rows: Rows) -> None:
    root = shared / "data" / "dicom" / "dcmqi"
    people = {str(pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["PatientID"]).PatientID) for path in root.rglob("*.dcm")}
    sandbox.people(sorted(people))
    study = sandbox.run(str(root))
    assert reasons(study) == {"LICENSE.txt": "not_dicom"}
    assert (books(study)["image"]["read"], books(study)["image"]["loaded"]) == (20, 12)
    liver = pydicom.dcmread(root / "data" / "segmentations" / "liver.dcm", stop_before_pixels=True)
    derived = rows(
        study,
        "SELECT s.image_series_uid, o.image_series_uid, c.modality FROM plait.image_item AS i INNER JOIN cdm.image_occurrence AS s USING (image_occurrence_id) "
        "INNER JOIN cdm.image_occurrence AS o ON i.derived_from_id = o.image_occurrence_id "
        "INNER JOIN plait.image_item AS c ON i.derived_from_id = c.image_occurrence_id",
    )
    assert (liver.SeriesInstanceUID, liver.ReferencedSeriesSequence[0].SeriesInstanceUID, "CT") in derived
    labels = rows(study, "SELECT count(*) FROM cdm.image_feature WHERE alg_system IS NOT NULL")
    segments = sum(len(pydicom.dcmread(path, stop_before_pixels=True).get("SegmentSequence") or []) for path in root.rglob("*.dcm"))
    assert 0 < labels[0][0] <= segments


def test_pydicoms_own_files_all_end_somewhere(sandbox: Sandbox) -> None:
    root = Path(pydicom.data.__file__).parent / "test_files"
    sandbox.people(["1CT1", "4MR1", "77654033"])
    study = sandbox.run(str(root))
    files = [path for path in root.rglob("*") if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)]
    book = books(study)["image"]
    assert book["read"] >= len(files) > 150  # an archive has several
    assert book["loaded"] >= 5
    assert book["ignored"] >= 5  # DICOMDIRs
    assert reasons(study)["MR_truncated.dcm"] in {"truncated_dicom", "unknown_person"}


def test_a_manifest_refers_to_series_elsewhere(sandbox: Sandbox, rows: Rows) -> None:
    (sandbox.folder / "index.csv").write_text(
        "PatientID,Study,SeriesInstanceUID,Modality,StudyDate,series_aws_url,instanceCount,series_size_MB,collection_id\n"
        "p1,1.2.3,1.2.3.1,CT,2021-05-06,s3://bucket/uuid/*,120,63.5,tcga\np9,1.2.4,1.2.4.1,CT,2021-05-06,,3,1,tcga\np2,1.2.5,1.2.5.1,SM,20210507,,1,,tcga\n",
        encoding="utf-8",
    )
    study = sandbox.run("index.csv", manifest="index.csv", columns={"StudyInstanceUID": "Study"})
    assert rows(
        study,
        "SELECT image_series_uid, CAST(image_occurrence_date AS VARCHAR), wadors_uri, local_path, instance_count, size_bytes FROM cdm.image_occurrence "
        "INNER JOIN plait.image_item USING (image_occurrence_id) ORDER BY 1",
    ) == [("1.2.3.1", "2021-05-06", "s3://bucket/uuid/*", None, 120, 63_500_000), ("1.2.5.1", "2021-05-07", "urn:oid:1.2.5.1", None, 1, None)]
    assert [row["reason"] for row in study.rejects()] == ["unknown_person"]
