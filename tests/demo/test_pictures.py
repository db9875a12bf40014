"""The demo's pictures: the same bytes for the same chance, read by those who read real ones, with the illness in them and nobody's name."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import openslide
import pydicom
import pytest
import tifffile
import tiffslide
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from plait.demo import Patient, make_cohort
from plait.demo.illness import Course
from plait.demo.pictures import write_ct, write_slide

if TYPE_CHECKING:
    from pathlib import Path

COHORT = make_cohort(60)
CANCERS = {"lung": "CHEST", "breast": "CHEST", "colon": "ABDOMEN", "prostate": "PELVIS"}


def somebody(cancer: str = "lung") -> Patient:
    return next(patient for patient in COHORT if patient.cancer.name == cancer)


def series(folder: Path, patient: Patient, tumor_mm: int = 40, seed: int = 7) -> list[pydicom.Dataset]:
    """Write a CT and read it, in order of slices."""
    write_ct(folder, patient, Course(tumor_mm=tumor_mm), random.Random(seed))
    return [pydicom.dcmread(folder / f"IMG-{2000 + patient.number}/CT/{number}.dcm") for number in range(1, 7)]


def hounsfield(slices: list[pydicom.Dataset]) -> np.ndarray:
    return np.stack([one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept) for one in slices])


def test_the_same_chance_gives_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        for patient in COHORT[:4]:
            write_ct(folder, patient, Course(tumor_mm=31), random.Random(patient.number))
            write_slide(folder / f"{patient.number}.tif", patient, random.Random(patient.number))
        written.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    assert len(written[0]) == 4 * 7
    assert written[0] == written[1]
    write_slide(tmp_path / "c.tif", COHORT[0], random.Random("another"))
    assert (tmp_path / "c.tif").read_bytes() != (tmp_path / "a/0.tif").read_bytes()


@pytest.mark.parametrize("cancer", CANCERS)
def test_a_ct_is_a_series_of_one_study_before_the_diagnosis(tmp_path: Path, cancer: str) -> None:
    patient = somebody(cancer)
    slices = series(tmp_path, patient)
    first = slices[0]
    assert first.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert first.SOPClassUID == first.file_meta.MediaStorageSOPClassUID == CTImageStorage
    assert first.StudyDate == first.SeriesDate == (patient.diagnosed - timedelta(days=19)).strftime("%Y%m%d")
    assert (first.StudyTime, first.Modality, first.BodyPartExamined, first.BurnedInAnnotation) == ("100000", "CT", CANCERS[cancer], "NO")
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert {getattr(slice_, name) for slice_ in slices} == {getattr(first, name)}
    uids = [getattr(first, name) for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")] + [one.SOPInstanceUID for one in slices]
    assert len(set(uids)) == 9
    assert all(uid.is_valid and uid.startswith("2.25.") for uid in uids)
    assert [one.InstanceNumber for one in slices] == [1, 2, 3, 4, 5, 6]
    steps = np.diff([one.ImagePositionPatient for one in slices], axis=0)
    assert np.array_equal(steps, [[0, 0, first.SliceThickness]] * 5)
    assert (first.Rows, first.Columns, first.pixel_array.dtype) == (96, 96, np.int16)


@pytest.mark.parametrize("cancer", CANCERS)
def test_a_lesion_is_bright_round_and_as_large_as_the_course_says(tmp_path: Path, cancer: str) -> None:
    patient = somebody(cancer)
    healthy = hounsfield(series(tmp_path, patient, 0))
    assert healthy[:, 0, 0].mean() == pytest.approx(-1000, abs=10), "air around the patient"
    for tumor_mm in (20, 40, 60):
        values = hounsfield(series(tmp_path, patient, tumor_mm))
        lesion = np.abs(values - healthy) > 30
        middle = lesion.sum(axis=(1, 2)).argmax()
        assert 2 * np.sqrt(lesion[middle].sum() / np.pi) * 3.5 == pytest.approx(tumor_mm, abs=5)
        rows, columns = np.nonzero(lesion[middle])
        inside = values[middle, round(rows.mean()) - 1 : round(rows.mean()) + 2, round(columns.mean()) - 1 : round(columns.mean()) + 2]
        around = np.zeros_like(lesion[middle])
        around[rows.min() - 2 : rows.max() + 3, columns.min() - 2 : columns.max() + 3] = True
        assert inside.mean() > np.median(values[middle][around & ~lesion[middle]]) + 50


def test_what_is_seen_follows_the_severity(tmp_path: Path) -> None:
    grain, purple = [], []
    for severity in (-2.0, 0.0, 2.0):
        patient = replace(somebody("colon"), severity=severity)
        values, healthy = hounsfield(series(tmp_path, patient, 50)), hounsfield(series(tmp_path, patient, 0))
        grain.append(values[np.abs(values - healthy) > 60].std())
        write_slide(tmp_path / "a.tif", patient, random.Random(7))
        pixels = tifffile.imread(tmp_path / "a.tif", level=0)
        tissue = pixels[..., 1] < 230
        purple.append((pixels[..., 0][tissue] < 160).mean())
    assert grain[0] + 4 < grain[1] < grain[2] - 4
    assert purple[0] * 1.5 < purple[1] < purple[2] / 1.5


def test_both_readers_say_the_same_of_a_slide(tmp_path: Path) -> None:
    write_slide(tmp_path / "slides/a.tif", somebody(), random.Random(7))
    with openslide.OpenSlide(tmp_path / "slides/a.tif") as first, tiffslide.TiffSlide(tmp_path / "slides/a.tif") as second:
        assert first.level_dimensions == second.level_dimensions == ((1024, 1024), (512, 512), (256, 256))
        for slide, reader in ((first, "openslide"), (second, "tiffslide")):
            assert float(slide.properties[f"{reader}.mpp-x"]) == float(slide.properties[f"{reader}.mpp-y"]) == 0.5
            assert int(slide.properties[f"{reader}.level[0].tile-width"]) == 128
        assert first.properties["openslide.vendor"] == "generic-tiff"
        for level, (size, _) in enumerate(first.level_dimensions):
            seen = [np.asarray(slide.read_region((0, 0), level, (size, size)).convert("RGB"), int) for slide in (first, second)]
            assert np.abs(seen[0] - seen[1]).max() <= 2
            assert (seen[0][:8, :8] > 250).all(), "glass around the tissue"
            assert seen[0][size // 2 - 50 : size // 2 + 50, size // 2 - 50 : size // 2 + 50, 1].mean() < 190


def test_nobody_is_named(tmp_path: Path) -> None:
    for patient in COHORT[:8]:
        slices = series(tmp_path, patient)
        write_slide(tmp_path / "a.tif", patient, random.Random(7))
        first, number = slices[0], patient.number
        assert (first.PatientID, first.PatientName, first.AccessionNumber) == (f"IMG-{2000 + number}", f"Demo^Patient {number}", f"A{number:05}")
        for slice_ in slices:
            assert not [element for element in slice_.iterall() if element.tag.is_private]
            names = {element.keyword: str(element.value) for element in slice_.iterall() if element.VR == "PN" or element.keyword.startswith("Patient")}
            told = {"PatientID": first.PatientID, "PatientName": str(first.PatientName), "PatientPosition": "HFS"}
            assert {keyword: value for keyword, value in names.items() if value} == told
        files = [path.read_bytes() for path in (*tmp_path.glob(f"IMG-{2000 + number}/CT/*.dcm"), tmp_path / "a.tif")]
        assert len(files) == 7
        for secret in (patient.id, patient.first, patient.last, patient.place[0], f"{patient.born:%Y%m%d}", patient.born.isoformat()):
            assert not any(secret.encode() in file for file in files)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert {page.tags["Software"].value for page in tiff.pages} == {"plait demo"}
        for page in tiff.pages:
            assert not {"DateTime", "Artist", "HostComputer", "Copyright"} & {tag.name for tag in page.tags}
            assert not page.description


def test_a_slide_is_small(tmp_path: Path) -> None:
    extremes = sorted(COHORT, key=lambda patient: patient.severity)
    for patient in (extremes[0], extremes[-1], replace(extremes[-1], severity=4.0)):
        write_slide(tmp_path / "a.tif", patient, random.Random(7))
        assert (tmp_path / "a.tif").stat().st_size < 400_000
