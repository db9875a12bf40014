"""Pictures of the tumours: a CT series before the biopsy, and a stained section of what was taken.

They are drawn, not scanned: a lesion as large as the course says, and grain and nuclei that follow the latent
severity, so that what is computed from pixels has something to find.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from plait.demo.cohort import chance_of, happens

if TYPE_CHECKING:
    import random
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from plait.demo.cohort import Patient
    from plait.demo.illness import Course
    from plait.demo.tables import Records

_WRITTEN = 1735603200
"""Time of the files, so that a demo written again is the same: the last day of the study, in seconds."""
_SCANNED, _STAINED = 0.2, 0.25
"""How many patients have a CT, and how many samples a slide."""
_BEFORE_DAYS = 19
"""From the CT to the diagnosis, as in `illness`."""
_CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
_EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_IMPLEMENTATION = "2.25.167294738801365274998117245803912657"
"""Who wrote the files: the demo, whatever library it used (DICOM PS3.10 section 7.1)."""
_BODY_PARTS = {"lung": "CHEST", "breast": "CHEST", "colon": "ABDOMEN", "prostate": "PELVIS"}
_SLICES, _PIXELS, _PIXEL_MM, _SLICE_MM = 6, 96, 3.5, 5.0
_STORED_ZERO = -1024
"""HU of a stored 0."""
_AIR, _LUNG, _FAT, _SOFT, _LIVER, _WATER, _BONE = -1000, -850, -100, 40, 65, 5, 450
_LESION = 130
"""HU of a lesion that takes up contrast medium."""

_CHEST = ((_LUNG, -68, -5, 52, 78), (_LUNG, 68, -5, 52, 78), (_SOFT, 22, -20, 42, 36), (_BONE, 0, 70, 19, 16))
_SHAPES = {
    "lung": _CHEST,
    "breast": ((_FAT, -70, -88, 46, 40), (_FAT, 70, -88, 46, 40), *_CHEST),
    "colon": ((_LIVER, -62, -18, 62, 52), (_AIR, 18, -58, 16, 10), (_WATER, 12, 4, 18, 14), (_BONE, 0, 66, 21, 18)),
    "prostate": ((_BONE, -98, 12, 16, 44), (_BONE, 98, 12, 16, 44), (_WATER, 0, -34, 34, 26), (_BONE, 0, 78, 24, 14)),
}
"""What a slice shows: HU, centre to the patient's left and to the back, and half axes, in mm; what comes later lies on top."""
_LESION_AT = {"lung": (66, 4), "breast": (70, -84), "colon": (82, 10), "prostate": (0, 24)}
"""Where the lesion is, in mm to the patient's left and to the back."""

_SIDE, _TILE, _LEVELS = 1024, 128, 3
_PER_CM = 20_000
"""Pixels per centimetre: 0.5 microns each."""
_GLASS, _STROMA, _NUCLEUS = (255.0, 255.0, 255.0), (232.0, 160.0, 196.0), (92.0, 58.0, 142.0)
_NUCLEI = 600
"""Nuclei of a section of severity 0: some 5,000 per square millimetre of tissue."""
_REACH = 10
"""Half the side of the square that a nucleus is drawn in, in pixels."""


@dataclass(slots=True)
class Pictures:
    """Who has pictures: for each a patient, the course of the illness, and the generator that draws them."""

    scanned: list[tuple[Patient, Course, random.Random]] = field(default_factory=list)
    stained: list[tuple[Patient, str, random.Random]] = field(default_factory=list)


def add_pictures(records: Records, patient: Patient, course: Course, sample: str | None, chance: random.Random, pictures: Pictures) -> None:
    """Choose whether a patient has a CT, and whether a slide of the laboratory's sample."""
    if happens(chance, _SCANNED):
        records.add("links", {"person": str(patient.number), "system": "pacs", "identifier": f"IMG-{2000 + patient.number}"})
        if sample is None:
            records.add("links", {"person": str(patient.number), "system": "synthea", "identifier": patient.id})
        pictures.scanned.append((patient, course, chance_of(chance.getrandbits(32), patient.number, "ct")))
    if sample is not None and happens(chance, _STAINED):
        records.add("slides", {"file": f"{sample}-HE.tif", "case": f"C{1000 + patient.number}", "block": sample})
        pictures.stained.append((patient, sample, chance_of(chance.getrandbits(32), patient.number, "slide")))


def write_pictures(pictures: Pictures, folder: Path) -> dict[str, int]:
    """Write all pictures, with a slice and a slide that end early and a file that is no picture, and count these.

    Raises:
        ImportError: The packages of `plait[imaging]` are not installed.
    """
    import pydicom  # noqa: F401 - fails before anything is written
    import tifffile  # noqa: F401

    for patient, course, chance in pictures.scanned:
        write_ct(folder / "ct", patient, course, chance)
    for patient, sample, chance in pictures.stained:
        write_slide(folder / "slides" / f"{sample}-HE.tif", patient, chance)
    slices = sorted((folder / "ct").rglob("*.dcm"))
    slides = sorted((folder / "slides").glob("*.tif"))
    slices[-1].write_bytes(slices[-1].read_bytes()[:-2000])
    slides[-1].write_bytes(slides[-1].read_bytes()[:20_000])
    (folder / "ct" / "README.txt").write_text("Slices of the demo study.\n", encoding="utf-8", newline="")
    for path in (*slices, *slides, folder / "ct" / "README.txt"):
        os.utime(path, (_WRITTEN, _WRITTEN))
    return {"truncated_dicom": 1, "truncated_slide": 1, "not_dicom": 1}


def write_ct(folder: Path, patient: Patient, course: Course, chance: random.Random) -> None:
    """Write one axial CT series as `IMG-<2000 + number>/CT/<slice>.dcm`: 6 slices of 96 x 96 pixels, in HU.

    The same `chance` gives the same bytes. Of the person nothing is in it but a number that is made up.

    Raises:
        ImportError: The packages of `plait[imaging]` are not installed.
    """
    name = f"IMG-{2000 + patient.number}"
    study, series, frame = (_new_uid(chance) for _ in range(3))
    day = (patient.diagnosed - timedelta(days=_BEFORE_DAYS)).strftime("%Y%m%d")
    shared = {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SOPClassUID": _CT_STORAGE,
        "StudyDate": day,
        "SeriesDate": day,
        "AcquisitionDate": day,
        "ContentDate": day,
        "StudyTime": "100000",
        "SeriesTime": "100000",
        "AcquisitionTime": "100000",
        "ContentTime": "100000",
        "AccessionNumber": f"A{patient.number:05}",
        "Modality": "CT",
        "Manufacturer": "plait demo",
        "ReferringPhysicianName": "",
        "PatientName": f"Demo^Patient {patient.number}",
        "PatientID": name,
        "PatientBirthDate": "",
        "PatientSex": "",
        "BodyPartExamined": _BODY_PARTS[patient.cancer.name],
        "SliceThickness": _SLICE_MM,
        "KVP": 120,
        "PatientPosition": "HFS",
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series,
        "StudyID": "",
        "SeriesNumber": 1,
        "AcquisitionNumber": 1,
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "FrameOfReferenceUID": frame,
        "PositionReferenceIndicator": "",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": _PIXELS,
        "Columns": _PIXELS,
        "PixelSpacing": [_PIXEL_MM, _PIXEL_MM],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "BurnedInAnnotation": "NO",
        "RescaleIntercept": _STORED_ZERO,
        "RescaleSlope": 1,
        "RescaleType": "HU",
    }
    corner = -(_PIXELS - 1) / 2 * _PIXEL_MM
    values = _draw_ct(patient, course, chance)
    (folder / name / "CT").mkdir(parents=True, exist_ok=True)
    for number, hounsfield in enumerate(values, 1):
        place = {
            "SOPInstanceUID": _new_uid(chance),
            "InstanceNumber": number,
            "ImagePositionPatient": [corner, corner, (number - 1) * _SLICE_MM],
            "SliceLocation": (number - 1) * _SLICE_MM,
            "PixelData": (hounsfield - _STORED_ZERO).astype("<i2").tobytes(),
        }
        _save(folder / name / "CT" / f"{number}.dcm", shared | place)


def write_slide(path: Path, patient: Patient, chance: random.Random) -> None:
    """Write a section stained with haematoxylin and eosin: a tiled TIFF of 1024, 512 and 256 pixels square, of 0.5 microns at first.

    The same `chance` gives the same bytes; nothing in it tells whose it is.

    Raises:
        ImportError: The packages of `plait[imaging]` are not installed.
    """
    import tifffile

    pixels: npt.NDArray[np.floating] = _draw_section(patient, chance)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(path) as tiff:
        for level in range(_LEVELS):
            tiff.write(
                pixels.round().astype("uint8"),
                tile=(_TILE, _TILE),
                photometric="rgb",
                compression="jpeg",
                compressionargs={"level": 80},
                subfiletype=int(level > 0),
                resolution=(_PER_CM / 2**level, _PER_CM / 2**level),
                resolutionunit="CENTIMETER",
                software="plait demo",
                metadata=None,
            )
            pixels = (pixels[::2, ::2] + pixels[1::2, ::2] + pixels[::2, 1::2] + pixels[1::2, 1::2]) / 4


def _new_uid(chance: random.Random) -> str:
    """Draw a UID that nobody else has (DICOM PS3.5 Annex B.2)."""
    return f"2.25.{chance.getrandbits(128)}"


def _save(path: Path, told: dict[str, Any]) -> None:
    """Write one instance, its attributes by keyword."""
    from pydicom.dataset import Dataset, FileMetaDataset

    meta = {
        "MediaStorageSOPClassUID": told["SOPClassUID"],
        "MediaStorageSOPInstanceUID": told["SOPInstanceUID"],
        "TransferSyntaxUID": _EXPLICIT_LITTLE_ENDIAN,
        "ImplementationClassUID": _IMPLEMENTATION,
        "ImplementationVersionName": "PLAIT_DEMO",
    }
    instance = Dataset()
    instance.file_meta = FileMetaDataset()
    for part, attributes in ((instance, told), (instance.file_meta, meta)):
        for keyword, value in attributes.items():
            setattr(part, keyword, value)
    instance.save_as(path, enforce_file_format=True)


def _draw_ct(patient: Patient, course: Course, chance: random.Random) -> npt.NDArray[np.float64]:
    """Draw the slices in HU, `(6, 96, 96)`: the body, its organs, and a round lesion whose grain is coarser the more severe."""
    import numpy as np

    drawn = np.random.default_rng(chance.getrandbits(64))
    cancer = patient.cancer.name
    places = (np.arange(_PIXELS) - (_PIXELS - 1) / 2) * _PIXEL_MM
    left, back = places[None, :], places[:, None]
    plane = np.full((_PIXELS, _PIXELS), float(_AIR))
    for hounsfield, x, y, across, deep in ((_FAT, 0, 0, 150, 102), (_SOFT, 0, 0, 140, 92), *_SHAPES[cancer]):
        plane[np.hypot((left - x) / across, (back - y) / deep) < 1] = hounsfield
    values = np.repeat(plane[None], _SLICES, axis=0)
    at_x, at_y = (place + drawn.uniform(-4, 4) for place in _LESION_AT[cancer])
    at_slice = drawn.integers(2, 4)
    away = (np.arange(_SLICES) - at_slice)[:, None, None] * _SLICE_MM
    distance = np.sqrt((left - at_x) ** 2 + (back - at_y) ** 2 + away**2)
    share = np.clip((course.tumor_mm / 2 - distance) / _PIXEL_MM + 0.5, 0, 1)  # a pixel on the edge is partly lesion
    grain = np.clip(14 + 8 * patient.severity, 3, 40) * np.clip(drawn.standard_normal(values.shape), -2, 2)
    values += share * (_LESION + grain - values)
    return np.clip(values + 6 * drawn.standard_normal(values.shape), _STORED_ZERO, 3000).round()


def _draw_section(patient: Patient, chance: random.Random) -> npt.NDArray[np.float32]:
    """Draw the section, `(1024, 1024, 3)` RGB in 0..255: pink stroma on white glass, with purple nuclei, denser the more severe."""
    import numpy as np

    drawn = np.random.default_rng(chance.getrandbits(64))
    places = np.arange(_SIDE, dtype=np.float32) - (_SIDE - 1) / 2
    down, across = places[:, None], places[None, :]
    angle = np.arctan2(down, across)
    radius = np.full_like(angle, 0.38 * _SIDE)
    for waves in range(2, 6):
        radius += np.float32(drawn.normal(0, 0.05 * _SIDE / waves)) * np.cos(waves * angle + np.float32(drawn.uniform(0, 2 * np.pi)))
    tissue = np.clip((radius - np.hypot(down, across)) / 3, 0, 1)
    nuclei = _draw_nuclei(tissue, patient.severity, drawn)
    shade = 14 * _smooth(drawn, 64) + 8 * _smooth(drawn, 16)
    pixels = np.empty((_SIDE, _SIDE, 3), dtype=np.float32)
    for colour, (glass, stroma, nucleus, weight) in enumerate(zip(_GLASS, _STROMA, _NUCLEUS, (0.5, 1.2, 0.8), strict=True)):
        stained = stroma + weight * shade
        stained += nuclei * (nucleus - stroma)
        pixels[..., colour] = glass + tissue * (stained - glass)
    return np.clip(pixels, 0, 255, out=pixels)


def _draw_nuclei(tissue: npt.NDArray[np.float32], severity: float, drawn: np.random.Generator) -> npt.NDArray[np.float32]:
    """Give how much of each pixel is nucleus, 0..1: ellipses in the tissue, more of them and less alike the more severe."""
    import numpy as np

    rows, columns = np.nonzero(tissue[_REACH:-_REACH, _REACH:-_REACH] == 1)
    count = round(_NUCLEI * float(np.exp(0.4 * np.clip(severity, -3, 3))))
    chosen = drawn.integers(0, len(rows), count)
    spread = np.clip(0.15 + 0.05 * severity, 0.05, 0.3)
    half = np.clip(5.5 * np.exp(spread * drawn.standard_normal((2, count, 1, 1))), 3, _REACH - 1)  # two half axes each, in pixels
    turn = drawn.uniform(0, np.pi, (count, 1, 1))
    reach = np.arange(-_REACH, _REACH + 1)
    down, across = reach[None, :, None], reach[None, None, :]
    along, aside = across * np.cos(turn) + down * np.sin(turn), down * np.cos(turn) - across * np.sin(turn)
    cover = np.clip((1 - np.hypot(along / half[0], aside / half[1])) * 4, 0, 1) * drawn.uniform(0.7, 1, (count, 1, 1))
    plane = np.zeros_like(tissue)
    np.maximum.at(plane, (rows[chosen][:, None, None] + _REACH + down, columns[chosen][:, None, None] + _REACH + across), cover)
    return plane


def _smooth(drawn: np.random.Generator, step: int) -> npt.NDArray[np.float32]:
    """Draw a plane of noise that changes over `step` pixels: standard normal at points of a grid, linear between them."""
    import numpy as np

    grid = drawn.standard_normal((_SIDE // step + 1, _SIDE // step + 1), dtype=np.float32)
    whole, rest = np.divmod(np.arange(_SIDE), step)
    part = (rest / step).astype(np.float32)
    rows = grid[whole] * (1 - part[:, None]) + grid[whole + 1] * part[:, None]
    plane: npt.NDArray[np.float32] = rows.take(whole, axis=1) * (1 - part) + rows.take(whole + 1, axis=1) * part
    return plane  # laid out by row, which `rows[:, whole]` would not be: all that meets it would take thrice the time
