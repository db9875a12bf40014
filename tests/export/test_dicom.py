"""DICOM without what identifies: every row of Table E.1-1, random datasets, and files that others made."""

from __future__ import annotations

import datetime as dt
import re
import tracemalloc
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary
from pydicom.data import get_testdata_file
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from plait.export.deidentify.dicom.blank import NotBlankable
from plait.export.deidentify.dicom.dataset import Subject, clean, descriptors
from plait.export.deidentify.dicom.instance import Broken, opened, quietly, write_instance
from plait.export.deidentify.dicom.profile import Rule, rules
from plait.export.deidentify.dicom.risks import may_show_a_face, risk_of
from plait.export.deidentify.key import ExportKey
from tiny_dicom import write_dicom

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = ExportKey(b"\1" * 32)
SHIFT = -20_000
SUBJECT = Subject(17, SHIFT, KEY, frozenset())
SHARED_WORDS = "shared by many"
SAMPLE: dict[str, Any] = {
    "AE": "THEIRS",
    "AS": "045Y",
    "CS": "THEIRS",
    "DA": "20200301",
    "DS": "12.5",
    "DT": "20200301101500",
    "IS": "12",
    "LO": "theirs",
    "LT": "theirs",
    "OB": b"theirs",
    "OB or OW": b"theirs",
    "PN": "Theirs^Own",
    "SH": "theirs",
    "ST": "theirs",
    "TM": "101500",
    "UC": "theirs",
    "UI": "1.2.3.4.5",
    "UN": b"theirs",
    "UR": "http://theirs",
    "US": 12,
    "UT": "theirs",
}
SHIFTED = {"DA": "19650529", "DT": "19650529101500"}
"""The samples, 20,000 days before."""


def sample(vr: str) -> Any:  # noqa: ANN401 - values of DICOM
    """Give a value of somebody's."""
    if vr != "SQ":
        return SAMPLE[vr]
    item = Dataset()
    item.PatientName, item.StudyDate, item.SOPInstanceUID, item.SeriesDescription = "Theirs^Own", "20200301", "1.2.3.4.5", "theirs"
    return Sequence([item])


def everything(dataset: Dataset) -> Iterator[pydicom.DataElement]:
    """Yield the elements of a dataset at any depth."""
    for element in dataset:
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from everything(item)


def texts(dataset: Dataset) -> str:
    return "\n".join(element.value.decode("latin-1") if isinstance(element.value, bytes) else str(element.value) for element in everything(dataset))


def rewritten(path: Path, target: Path, subject: Subject = SUBJECT, *, blank: bool = False) -> Dataset:
    write_instance(path, target, subject, blank=blank)
    with quietly():
        return pydicom.dcmread(target)


# The table


def test_the_table_is_the_standards() -> None:
    """621 rows, of which four are of groups; a few that everybody knows."""
    table = rules()
    assert len(table) == 621
    assert [tag for tag in table if not tag.isalnum() or len(tag) != 8 or "xx" in tag] == ["50xxxxxx", "60xx3000", "60xx4000", "odd"]
    assert all(keyword_for_tag(int(tag, 16)) == rule.keyword for tag, rule in table.items() if tag.upper() == tag)
    said = {rule.keyword: (rule.basic, rule.is_date, rule.is_descriptor) for rule in table.values()}
    assert said["PatientName"] == ("Z", False, False)
    assert said["PatientID"] == ("Z/D", False, False)
    assert said["PatientBirthDate"] == ("Z", False, False)
    assert said["StudyDate"] == ("Z", True, False)
    assert said["StudyDescription"] == ("X", False, True)
    assert said["SeriesInstanceUID"] == ("U", False, False)
    assert said["ReferencedImageSequence"] == ("X/Z/U*", False, False)
    assert sum(rule.is_date for rule in table.values()) == 165
    assert sum(rule.is_descriptor for rule in table.values()) == 125


NOBODYS = (
    r"^(DateOfLast(Detector)?Calibration|DateTimeOfLastCalibration|Calibration(Date|DateTime)|DateOf(Manufacture|Installation)|ProductExpirationDateTime"
    r"|(ContextGroup|Template)(Local)?Version|HangingProtocolCreationDateTime|EthicsCommitteeApproval.*|EffectiveDateTime|InformationIssueDateTime"
    r"|ExpirationDateTime|ExpiryDate|DateOfGainCalibration)$"
)
"""Days that are the same in many persons' images: shifted by each one's days, they would tell these."""


def expected(rule: Rule, vr: str) -> str:
    """Say in words of the standard what is left of an attribute; the choice where it leaves one is plait's."""
    if rule.is_date and vr in {"DA", "DT", "TM"} and not re.search(NOBODYS, rule.keyword):
        return "cleaned"
    if vr == "SQ":
        own = {"ContentSequence": "items", "PersonIdentificationCodeSequence": "items", "FlowIdentifierSequence": "items", "VerifyingObserverSequence": "items"}
        by_action = {"X/Z/U*": "items", "Z": "empty", "X/Z": "empty"}
        return own.get(rule.keyword) or by_action.get(rule.basic, "gone")
    return {"X": "gone", "Z": "empty", "X/Z": "empty", "U": "mapped"}.get(rule.basic, "dummy")


@pytest.mark.parametrize("depth", [0, 1], ids=["at the top", "in a sequence"])
def test_every_row_of_the_table_is_applied(depth: int) -> None:
    of_datasets = {tag: rule for tag, rule in rules().items() if tag.upper() == tag and int(tag[:4], 16) >= 8}
    assert len(rules()) - len(of_datasets) == 4 + 4  # of repeating and private groups, and of groups that stand in no dataset
    inner = Dataset()
    with quietly():
        for tag in of_datasets:
            inner.add_new(int(tag, 16), dictionary_VR(int(tag, 16)), sample(dictionary_VR(int(tag, 16))))
        whole = inner
        if depth:
            whole = Dataset()
            whole.SharedFunctionalGroupsSequence = [inner]
        clean(whole, SUBJECT)
    for tag, rule in of_datasets.items():
        vr = dictionary_VR(int(tag, 16))
        found = inner.get(int(tag, 16))
        left = expected(rule, vr)
        if left == "gone":
            assert found is None, rule
        elif left == "empty":
            assert found is not None, rule
            assert found.is_empty, rule
        elif left == "cleaned":
            assert found.value == SHIFTED.get(vr, "101500"), rule
        elif left == "mapped":
            assert found.value == KEY.uid("1.2.3.4.5"), rule
        elif left == "dummy":
            assert not found.is_empty, rule
            assert found.value != SAMPLE[vr], rule
    assert "heirs" not in texts(whole)
    assert "1.2.3.4.5" not in texts(whole).splitlines()


def test_what_the_table_does_not_name_is_treated_by_kind() -> None:
    """Every attribute that pydicom knows and the table does not, retired ones too, each in a dataset of its own."""
    left: dict[str, set[object]] = {}
    for tag, (vr, *_) in DicomDictionary.items():
        if vr not in {"DA", "DT", "LT", "PN", "ST", "TM", "UI", "UR", "UT"} or f"{tag:08X}" in rules() or tag >> 16 < 8:
            continue
        is_nobodys = bool(re.search(NOBODYS, keyword_for_tag(tag)))
        dataset = Dataset()
        with quietly():
            dataset.add_new(tag, vr, sample(vr))
            clean(dataset, SUBJECT)
        found = dataset.get(tag)
        assert found is None or not is_nobodys
        left.setdefault("nobody's" if is_nobodys else vr, set()).add(None if found is None else str(found.value))
    gone = {vr: {None} for vr in ("LT", "ST", "UR", "UT", "nobody's")} | {"PN": {""}}
    kept = {"DA": {SHIFTED["DA"]}, "DT": {SHIFTED["DT"]}, "TM": {"101500"}, "UI": {KEY.uid("1.2.3.4.5")}}
    tracked = left["UT"] - {None}
    assert left | {"UT": left["UT"] - tracked} == gone | kept
    assert tracked == {KEY.name("tracking", "theirs")}


def test_short_texts_of_somebodys_own_words_and_what_else_identifies() -> None:
    dataset = Dataset()
    dataset.SegmentLabel, dataset.FrameLabelVector, dataset.DoseComment, dataset.ConvolutionKernel = "Roe's", ["Roe", "left"], SHARED_WORDS, "B30f"
    dataset.PatientBirthDateInAlternativeCalendar, dataset.PlacerOrderNumberProcedure = "2519", "4711"
    hidden = Dataset()
    hidden.EncryptedContent = b"theirs"
    dataset.EncryptedAttributesSequence = [hidden]
    clean(dataset, Subject(17, SHIFT, KEY, frozenset({(0x30040006, SHARED_WORDS)})))
    assert {element.keyword: element.value for element in dataset} == {
        "ConvolutionKernel": "B30f",
        "FrameLabelVector": "REMOVED",
        "DoseComment": SHARED_WORDS,
        "SegmentLabel": "REMOVED",
    }


def test_groups_that_go_as_a_whole() -> None:
    dataset = Dataset()
    block = dataset.private_block(0x0029, "MAKER", create=True)
    block.add_new(0x10, "LO", "theirs")
    dataset.add_new(0x60000010, "US", 4)
    dataset.add_new(0x60023000, "OW", b"theirs")
    dataset.add_new(0x60004000, "LT", "theirs")
    dataset.add_new(0x50003000, "OW", b"theirs")
    dataset.add_new(0x00189999, "LO", "theirs")
    dataset.Rows = 4
    clean(dataset, SUBJECT)
    assert [element.keyword for element in dataset] == ["Rows"]


def test_descriptors_stay_where_many_persons_have_them() -> None:
    dataset = Dataset()
    dataset.StudyDescription, dataset.SeriesDescription, dataset.ContrastBolusAgent, dataset.ProtocolName = SHARED_WORDS, "of Ms Roe", "own mix", SHARED_WORDS
    assert dict(descriptors(dataset))[0x0008103E] == "of Ms Roe"
    common = frozenset({(0x00081030, SHARED_WORDS), (0x00081040, SHARED_WORDS)})
    clean(dataset, Subject(17, SHIFT, KEY, common))
    assert dataset.StudyDescription == SHARED_WORDS
    assert "SeriesDescription" not in dataset
    assert dataset.ContrastBolusAgent == dataset.ProtocolName == "REMOVED"  # of which the latter is shared as another attribute's


def test_a_value_of_another_kind_than_the_attributes_goes(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", PatientComments="x")
    dataset = pydicom.dcmread(path)
    dataset["DetectorTemperature"] = pydicom.DataElement(tag_for_keyword("DetectorTemperature"), "LO", "Roe")
    dataset["PatientComments"].VR = "UN"
    dataset["PatientComments"].value = b"Roe"
    dataset.Exposure, dataset.XRayTubeCurrent = 7654321, "1200"
    dataset.save_as(path)
    path.write_bytes(path.read_bytes().replace(b"7654321", b"Ms Roe "))
    found = rewritten(path, tmp_path / "b.dcm")
    assert not {"DetectorTemperature", "PatientComments", "Exposure"} & {element.keyword for element in found}
    assert found.XRayTubeCurrent == 1200


def test_a_report_says_nothing_of_whom_it_is_about() -> None:
    def item(kind: str, relationship: str, code: str, **said: str) -> Dataset:
        made, concept = Dataset(), Dataset()
        concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = code, "DCM", "a concept"
        made.ValueType, made.RelationshipType, made.ConceptNameCodeSequence = kind, relationship, [concept]
        for name, value in said.items():
            setattr(made, name, value)
        return made

    report = Dataset()
    report.ContentSequence = [
        item("PNAME", "HAS OBS CONTEXT", "121008", PersonName="Roe^Observer"),
        item("TEXT", "HAS OBS CONTEXT", "121030", TextValue="MRN 4711"),
        item("DATE", "CONTAINS", "121031", Date="19500101"),
        item("TEXT", "CONTAINS", "121071", TextValue="Ms Roe has a nodule"),
        item("TEXT", "CONTAINS", "121071", TextValue=SHARED_WORDS),
        item("CODE", "CONTAINS", "121071"),
        item("UIDREF", "CONTAINS", "112040", UID="1.2.3.4.5"),
        item("DATETIME", "CONTAINS", "111526", DateTime="20200301101500"),
    ]
    with quietly():
        clean(report, Subject(17, SHIFT, KEY, frozenset({(0x0040A160, SHARED_WORDS)})))
    assert [(item.ValueType, item.ConceptNameCodeSequence[0].CodeValue) for item in report.ContentSequence] == [
        ("TEXT", "121071"),
        ("CODE", "121071"),
        ("UIDREF", "112040"),
        ("DATETIME", "111526"),
    ]
    assert KEY.uid("1.2.3.4.5") == report.ContentSequence[2].UID
    assert report.ContentSequence[3].DateTime == SHIFTED["DT"]


# Any dataset

OWN = st.integers(0, 10**9).map(lambda number: f"Zqown{number}")
UIDS = st.integers(1, 10**9).map(lambda number: f"1.2.999.{number}")
DAYS = st.dates(min_value=dt.date(1990, 1, 1), max_value=dt.date(2020, 12, 31))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "PN": OWN,
    "LO": OWN,
    "LT": OWN,
    "UI": UIDS,
    "DA": DAYS.map(lambda day: f"{day:%Y%m%d}"),
    "DT": DAYS.map(lambda day: f"{day:%Y%m%d}0815"),
    "UN": OWN.map(str.encode),
    "private": OWN,
}
TAGS = {
    "PN": ("PatientName", "OperatorsName", "ReferringPhysicianName", "PersonName", "SelectorPNValue", "NamesOfIntendedRecipientsOfResults"),
    "LO": ("PatientID", "InstitutionName", "StudyDescription", "ContainerIdentifier", "OtherPatientIDs", "SeriesDescription", "ContrastBolusAgent"),
    "LT": ("PatientComments", "ImageComments", "AdditionalPatientHistory", "AcquisitionComments", "TextValue"),
    "UI": ("StudyInstanceUID", "FrameOfReferenceUID", "ReferencedSOPInstanceUID", "UID", "CodingSchemeUID", "ContextUID", "ReferencedSOPClassUID"),
    "DA": ("StudyDate", "PatientBirthDate", "ContentDate", "Date", "RadiopharmaceuticalStartDateTime"),
    "DT": ("AcquisitionDateTime", "FrameAcquisitionDateTime", "DateTime", "RadiopharmaceuticalStartDateTime"),
}
SEQUENCES = ("ReferencedImageSequence", "SharedFunctionalGroupsSequence", "ContentSequence", "RequestAttributesSequence", "DerivationImageSequence")


@st.composite
def datasets(draw: st.DrawFn, depth: int = 2) -> Dataset:
    made = Dataset()
    for kind in draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=8)):
        value = draw(VALUES[kind])
        if kind == "private":
            made.private_block(0x0011, "MAKER", create=True).add_new(draw(st.integers(1, 200)), "LO", value)
        else:
            tag = 0x00180000 + draw(st.integers(0xFF00, 0xFFF0)) if kind == "UN" else tag_for_keyword(draw(st.sampled_from(TAGS[kind])))
            with quietly():
                made.add_new(tag, kind, value)
    if depth:
        for name in draw(st.lists(st.sampled_from(SEQUENCES), max_size=2, unique=True)):
            made.add_new(tag_for_keyword(name), "SQ", Sequence(draw(st.lists(datasets(depth - 1), max_size=2))))
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(datasets(), st.sampled_from([ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]))
def test_nothing_of_a_persons_own_is_left(tmp_path: Path, dataset: Dataset, syntax: UID) -> None:
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.999.1"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.SourceApplicationEntityTitle = "THEIRS"
    with quietly():
        dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        before = [element for element in everything(dataset) if element.VR in {"DA", "DT"}]
        days = {str(element.value)[:8] for element in before}
    made = rewritten(tmp_path / "a.dcm", tmp_path / "b.dcm")
    said = texts(made) + texts(made.file_meta)
    assert "Zqown" not in said
    assert b"Zqown" not in (tmp_path / "b.dcm").read_bytes()
    assert "1.2.999." not in said
    assert "THEIRS" not in said
    assert not days & {str(element.value)[:8] for element in everything(made)}
    assert made.file_meta.TransferSyntaxUID == syntax
    assert made.SOPInstanceUID == made.file_meta.MediaStorageSOPInstanceUID == KEY.uid("1.2.999.1")


@given(DAYS, DAYS, st.integers(-365, -1))
def test_intervals_stay(one: dt.date, other: dt.date, shift: int) -> None:
    dataset = Dataset()
    dataset.StudyDate, dataset.AcquisitionDateTime = f"{one:%Y%m%d}", f"{other:%Y%m%d}120000.000000+0100"
    clean(dataset, Subject(1, shift, KEY, frozenset()))
    parsed = pydicom.valuerep.DA(dataset.StudyDate), pydicom.valuerep.DT(dataset.AcquisitionDateTime)
    assert (parsed[0] - one).days == shift == (parsed[1].date() - other).days
    assert dataset.AcquisitionDateTime.endswith("120000.000000+0100")


@pytest.mark.parametrize("text", ["2020", "202003", "20200230", "next week", "20200301-20200401"])
def test_a_date_that_cannot_be_read_goes(text: str) -> None:
    dataset = Dataset()
    with quietly():
        dataset.StudyDate, dataset.AcquisitionDate, dataset.SeriesDate, dataset.ScheduledProcedureStepStartDate = text, text, text, text
        clean(dataset, SUBJECT)
    assert (dataset.StudyDate, dataset.AcquisitionDate, dataset.SeriesDate) == ("", "", "19000101")
    assert "ScheduledProcedureStepStartDate" not in dataset


@pytest.mark.parametrize(
    ("age", "left"), [("045Y", "045Y"), ("089Y", "089Y"), ("090Y", "090Y"), ("092Y", "090Y"), ("104Y", "090Y"), ("011M", "011M"), ("old", None)]
)
def test_ages_over_89_are_one(age: str, left: str | None) -> None:
    from plait.export.deidentify.dicom.values import capped_age

    assert capped_age(age) == left


# Files


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "image_dfl.dcm",
        "JPEG2000.dcm",
        "SC_rgb_jpeg.dcm",
        "SC_rgb_rle_2frame.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "rtdose_rle.dcm",
        "rtplan.dcm",
        "ExplVR_BigEnd.dcm",
        "liver_1frame.dcm",
        "test-SR.dcm",
        "waveform_ecg.dcm",
        "examples_overlay.dcm",
    ],
)
def test_pixels_are_as_they_were(name: str, tmp_path: Path) -> None:
    path = Path(str(get_testdata_file(name, download=False)))
    with quietly():
        before, made = pydicom.dcmread(path), rewritten(path, tmp_path / "b.dcm")
    for pixels in ("PixelData", "FloatPixelData", "DoubleFloatPixelData", "WaveformSequence"):
        assert (pixels in made) == (pixels in before)
        assert pixels == "WaveformSequence" or made.get(pixels) == before.get(pixels)
    assert made.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
    assert (made.PatientID, str(made.PatientName), made.PatientBirthDate, made.PatientIdentityRemoved) == ("17", "17", "", "YES")
    assert [code.CodeValue for code in made.DeidentificationMethodCodeSequence] == ["113100", "113104", "113105", "113107"]
    assert made.LongitudinalTemporalInformationModified == "MODIFIED"
    assert (tmp_path / "b.dcm").read_bytes()[:132] == bytes(128) + b"DICM"
    assert made.file_meta.ImplementationVersionName == "PLAIT"
    assert "SourceApplicationEntityTitle" not in made.file_meta
    assert not any(element.tag.is_private for element in everything(made))
    kept = {element.value for element in everything(made) if element.VR == "UI" and isinstance(element.value, str) and element.value}
    assert not [uid for uid in kept if UID(uid).name == uid and not uid.startswith("2.25.")]
    if "PixelData" in made and before.file_meta.TransferSyntaxUID.is_compressed is False:
        assert np.array_equal(before.pixel_array, made.pixel_array)


def test_references_between_files_hold(shared: Path, tmp_path: Path) -> None:
    """A segmentation, a report and real-world values that point at images, of dcmqi."""
    root = shared / "data/dicom/dcmqi/data"
    names = [*sorted(root.glob("segmentations/ct-3slice/*.dcm")), root / "segmentations/liver.dcm", *sorted(root.glob("sr-example/*.dcm"))]
    pairs = []
    for number, path in enumerate([*names, root / "paramaps/pm-example-slice.dcm"]):
        with quietly():
            pairs.append((pydicom.dcmread(path), rewritten(path, tmp_path / f"{number}.dcm")))
    instances = {KEY.uid(before.SOPInstanceUID) for before, _ in pairs}
    assert {made.SOPInstanceUID for _, made in pairs} == instances
    pointed = [({str(one.value) for one in everything(files[0]) if one.keyword == "ReferencedSOPInstanceUID"}, files[1]) for files in pairs]
    assert sum(len(uids) for uids, _ in pointed) > 5
    for uids, made in pointed:
        assert {str(one.value) for one in everything(made) if one.keyword == "ReferencedSOPInstanceUID"} == {KEY.uid(uid) for uid in uids}
    own = {before.SOPInstanceUID: made for before, made in pairs}
    liver = pydicom.dcmread(root / "segmentations/liver.dcm", stop_before_pixels=True)
    assert own[liver.SOPInstanceUID].FrameOfReferenceUID == KEY.uid(liver.FrameOfReferenceUID)
    assert pairs[0][1].FrameOfReferenceUID == KEY.uid(pairs[0][0].FrameOfReferenceUID)
    report = next(made for before, made in pairs if before.Modality == "SR")
    assert {element.value for element in everything(report) if element.keyword == "NumericValue"}


def test_memory_does_not_grow_with_the_pixels(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", Rows=4096, Columns=4096, PixelData=bytes(32 << 20))
    write_instance(path, tmp_path / "warm.dcm", SUBJECT, blank=False)
    tracemalloc.start()
    try:
        write_instance(path, tmp_path / "b.dcm", SUBJECT, blank=False)
        (_, peak) = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
    assert (tmp_path / "b.dcm").stat().st_size > 32 << 20


def test_a_file_that_ends_early_is_broken(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(Broken):
        write_instance(path, tmp_path / "b.dcm", SUBJECT, blank=False)


def test_what_stands_behind_the_pixels_is_left_out(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm")
    dataset = pydicom.dcmread(path)
    dataset.private_block(0x7FE1, "MAKER", create=True).add_new(1, "OB", b"theirs")
    dataset.add_new(0xFFFCFFFC, "OB", b"theirs")
    dataset.save_as(path)
    assert b"theirs" in path.read_bytes()
    made = rewritten(path, tmp_path / "b.dcm")
    assert b"theirs" not in (tmp_path / "b.dcm").read_bytes()
    assert [*made][-1].keyword == "PixelData"


# Pixels that may show who it is


def header(**said: Any) -> Dataset:  # noqa: ANN401 - values of DICOM
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = said.pop("syntax", ExplicitVRLittleEndian)
    for name, value in ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "Modality": "CT", "Rows": 4} | said).items():
        setattr(made, name, value)
    return made


US, SC, PDF = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.104.1"


@pytest.mark.parametrize(
    ("said", "risk"),
    [
        ({}, None),
        ({"BurnedInAnnotation": "NO", "SOPClassUID": US}, None),
        ({"BurnedInAnnotation": "YES"}, "burned-in annotation"),
        ({"SOPClassUID": US}, "not told whether text is burned in"),
        ({"SOPClassUID": SC, "Modality": "CT"}, "not told whether text is burned in"),
        ({"Modality": "XA"}, "not told whether text is burned in"),
        ({"ConversionType": "SI"}, "not told whether text is burned in"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"], "BurnedInAnnotation": "NO"}, "a screen"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]}, "a label or an overview of a slide"),
        ({"SpecimenLabelInImage": "YES"}, "a label or an overview of a slide"),
        ({"SOPClassUID": PDF, "BurnedInAnnotation": "NO"}, "a document, a video or a surface"),
        ({"syntax": "1.2.840.10008.1.2.4.102"}, "a document, a video or a surface"),
        ({"SOPClassUID": "1.3.12.2.1107.5.9.1"}, "an object of no kind that is known"),
    ],
)
def test_what_may_show_a_name(said: dict[str, Any], risk: str | None) -> None:
    assert risk_of(header(**said)) == risk


def test_an_overlay_among_the_pixels() -> None:
    made = header()
    made.add_new(0x60000010, "US", 4)
    assert risk_of(made) == "an overlay among the pixels"
    made.add_new(0x60003000, "OW", b"\0\0")
    assert risk_of(made) is None


def test_a_head_may_show_a_face() -> None:
    assert may_show_a_face(header(BodyPartExamined="HEAD"))
    assert may_show_a_face(header(RecognizableVisualFeatures="YES"))
    assert not may_show_a_face(header(BodyPartExamined="CHEST"))


def ultrasound(path: Path, *, planar: bool = False, frames: int = 2) -> Path:
    """Write one whose first two lines show a name, in colours."""
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0, region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 1, 2, 6, 7
    pixels = np.random.default_rng(3).integers(1, 255, (frames, 8, 8, 3), np.uint8)
    stored = np.moveaxis(pixels, 3, 1) if planar else pixels
    return write_dicom(
        path,
        SOPClassUID="1.2.840.10008.5.1.4.1.1.3.1",
        Modality="US",
        Rows=8,
        Columns=8,
        NumberOfFrames=frames,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=int(planar),
        SequenceOfUltrasoundRegions=[region],
        PixelData=np.ascontiguousarray(stored).tobytes(),
    )


@pytest.mark.parametrize("planar", [False, True], ids=["by pixel", "by plane"])
def test_an_ultrasound_is_blanked_outside_of_its_regions(tmp_path: Path, planar: bool) -> None:  # noqa: FBT001 - of a parameter
    path = ultrasound(tmp_path / "a.dcm", planar=planar)
    before, made = pydicom.dcmread(path).pixel_array, rewritten(path, tmp_path / "b.dcm", blank=True)
    inside = np.zeros((8, 8), np.bool_)
    inside[2:8, 1:7] = True
    assert np.array_equal(made.pixel_array[:, inside], before[:, inside])
    assert not made.pixel_array[:, ~inside].any()
    assert made.BurnedInAnnotation == "NO"
    assert "113101" in [code.CodeValue for code in made.DeidentificationMethodCodeSequence]


def test_what_cannot_be_blanked_is_not(tmp_path: Path) -> None:
    with pytest.raises(NotBlankable):
        write_instance(write_dicom(tmp_path / "a.dcm", SOPClassUID=SC), tmp_path / "b.dcm", SUBJECT, blank=True)


def test_what_pydicom_finds_strange_is_not_told(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm")
    dataset = pydicom.dcmread(path)
    with quietly():
        dataset.StudyTime, dataset.KVP = "Jane Roe", "120"
        dataset.save_as(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with opened(path) as source:
            assert risk_of(source.header) is None
        write_instance(path, tmp_path / "b.dcm", SUBJECT, blank=False)
    assert pydicom.dcmread(tmp_path / "b.dcm").StudyTime == ""
