"""What reports and DICOMDIRs say of other files: findings with their pictures, no names, and what is listed and is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from plait.etl.sources.dicom.content import features_of
from tiny_dicom import write_dicom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Sandbox

    import plait

    Rows = Callable[[plait.Study, str], list[tuple[Any, ...]]]

SR = "1.2.840.10008.5.1.4.1.1.88.33"


def code(value: str, scheme: str, meaning: str) -> Sequence:
    one = Dataset()
    one.CodeValue, one.CodingSchemeDesignator, one.CodeMeaning = value, scheme, meaning
    return Sequence([one])


def item(kind: str, name: tuple[str, str, str] | None = None, relation: str = "CONTAINS", children: list[Dataset] | None = None, **said: Any) -> Dataset:  # noqa: ANN401
    made = Dataset()
    made.ValueType, made.RelationshipType = kind, relation
    if name:
        made.ConceptNameCodeSequence = code(*name)
    for key, value in said.items():
        setattr(made, key, value)
    if children:
        made.ContentSequence = Sequence(children)
    return made


def reference(instance: str) -> Dataset:
    made = Dataset()
    made.ReferencedSOPInstanceUID = instance
    return made


def write_report(path: Path) -> None:
    """Write a report on the series 1.2.3.1.1, whose second group is of 1.2.3.1.2."""
    number = Dataset()
    number.NumericValue, number.MeasurementUnitsCodeSequence = "12.5", code("mm", "UCUM", "mm")
    evidence = Dataset()
    evidence.ReferencedSeriesSequence = Sequence()
    for series in (1, 2):
        listed = Dataset()
        listed.SeriesInstanceUID, listed.ReferencedSOPSequence = f"1.2.3.1.{series}", Sequence([reference(f"9.{series}")])
        evidence.ReferencedSeriesSequence.append(listed)
    first = [
        item("IMAGE", ReferencedSOPSequence=Sequence([reference("9.1")])),
        item("NUM", ("81827009", "SCT", "Diameter"), MeasuredValueSequence=Sequence([number])),
        item("CODE", ("121071", "DCM", "Finding"), ConceptCodeSequence=code("52988006", "SCT", "Lesion")),
    ]
    second = [
        item("SCOORD", children=[item("IMAGE", ReferencedSOPSequence=Sequence([reference("9.2")]))]),
        item("TEXT", ("121106", "DCM", "Comment"), TextValue="a shadow"),
        item("DATE", ("111526", "DCM", "DateTime Started"), Date="20200103"),
        item("PNAME", ("121008", "DCM", "Person Observer Name"), PersonName="Hidden^Reader"),
        item("TEXT", ("121030", "DCM", "Subject ID"), "HAS OBS CONTEXT", TextValue="hidden number"),
    ]
    file = pydicom.dcmread(write_dicom(path, SOPClassUID=SR, Modality="SR", SeriesInstanceUID="1.2.3.1.9", SliceThickness=None))
    del file.PixelData
    file.CurrentRequestedProcedureEvidenceSequence = Sequence([evidence])
    file.ContentSequence = Sequence([item("CONTAINER", ("1", "99X", "Group"), children=first), item("CONTAINER", ("1", "99X", "Group"), children=second)])
    file.save_as(path)


def test_a_report_says_what_of_which_series(sandbox: Sandbox, rows: Rows) -> None:
    write_dicom(sandbox.pacs / "1.dcm", SOPInstanceUID="9.1", SliceThickness=None)
    write_dicom(sandbox.pacs / "2.dcm", SOPInstanceUID="9.2", SeriesInstanceUID="1.2.3.1.2", SliceThickness=None)
    write_report(sandbox.pacs / "sr.dcm")
    study = sandbox.run()
    said = rows(
        study,
        "SELECT o.image_series_uid, coalesce(m.measurement_source_value, b.observation_source_value), m.value_as_number, b.value_as_string, "
        "f.image_finding_concept_id IS NOT NULL FROM cdm.image_feature AS f INNER JOIN cdm.image_occurrence AS o USING (image_occurrence_id) "
        "LEFT JOIN cdm.measurement AS m ON f.image_feature_event_field_concept_id = 1147138 AND f.image_feature_event_id = m.measurement_id "
        "LEFT JOIN cdm.observation AS b ON f.image_feature_event_field_concept_id = 1147165 AND f.image_feature_event_id = b.observation_id ORDER BY ALL",
    )
    assert said == [
        ("1.2.3.1.1", "81827009", 12.5, None, False),
        ("1.2.3.1.1", None, None, None, True),
        ("1.2.3.1.2", "111526", None, "20200103", False),
        ("1.2.3.1.2", "121106", None, "a shadow", False),
    ]
    written = b"".join(path.read_bytes() for path in study.path.rglob("*.parquet"))
    assert b"hidden number" not in written
    assert b"Hidden^Reader" not in written


def test_numbers_of_a_real_report_are_those_that_it_has(shared: Path) -> None:
    found = 0
    for path in (shared / "data" / "dicom" / "dcmqi").rglob("*.dcm"):
        report = pydicom.dcmread(path, stop_before_pixels=True)
        if report.Modality != "SR":
            continue
        items = [one for one in report.iterall() if one.keyword == "ValueType"]
        said = list(features_of(report))
        assert sum("value" in one for one in said) == sum(one.value == "NUM" for one in items)
        assert all(one["about"] is None or one["about"].startswith("1.") for one in said)
        assert any("finding" in one for one in said)
        found += 1
    assert found


def test_files_that_a_dicomdir_lists_and_that_are_not_there_are_noticed(sandbox: Sandbox) -> None:
    images = [write_dicom(sandbox.pacs / "disc" / "IMAGES" / f"{number}", SOPInstanceUID=f"1.2.{number}") for number in range(3)]
    directory = pydicom.dcmread(write_dicom(sandbox.pacs / "disc" / "DICOMDIR", SOPClassUID="1.2.840.10008.1.3.10"))
    directory.DirectoryRecordSequence = Sequence()
    for name in (None, ["IMAGES", "0"], ["IMAGES", "1"], ["IMAGES", "2"]):
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = ("IMAGE" if name else "PATIENT"), name
        directory.DirectoryRecordSequence.append(record)
    del directory.PixelData
    directory.save_as(sandbox.pacs / "disc" / "DICOMDIR")
    study = sandbox.run()
    assert "dicomdir_file_missing" not in {row["kind"] for row in study.status()["notices"]}
    images[0].unlink()
    images[1].write_bytes(b"no image")
    study = sandbox.run()
    assert [row["records"] for row in study.status()["notices"] if row["kind"] == "dicomdir_file_missing"] == [2]
