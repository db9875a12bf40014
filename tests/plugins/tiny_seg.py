"""Series and segmentations made for a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tiny_dicom import write_dicom

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

SEG = "1.2.840.10008.5.1.4.1.1.66.4"
SPACE = "1.2.3.9"


def write_series(folder: Path, values: npt.NDArray[np.int16], series: str = "1.2.3.1.1", step_mm: float = 3.0, **said: Any) -> list[Path]:  # noqa: ANN401 - values of DICOM
    """Write an axial CT `(slices, rows, columns)` of HU; pixels are 2 mm high and 1 mm wide, and lie from (-10, -20, 5) on."""
    files = []
    for number, plane in enumerate(values):
        shared = {
            "SOPInstanceUID": f"{series}.{number + 1}",
            "SeriesInstanceUID": series,
            "FrameOfReferenceUID": SPACE,
            "InstanceNumber": number + 1,
            "ImagePositionPatient": [-10, -20, 5 + number * step_mm],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [2, 1],
            "SliceThickness": step_mm,
            "Rows": plane.shape[0],
            "Columns": plane.shape[1],
            "PixelRepresentation": 0,
            "RescaleSlope": 1,
            "RescaleIntercept": -1024,
            "PixelData": (plane + 1024).astype("<u2").tobytes(),
        }
        files.append(write_dicom(folder / f"{series}-{number}.dcm", **shared | said))
    return files


def write_seg(
    path: Path,
    masks: dict[int, npt.NDArray[np.bool_]],
    of_series: str = "1.2.3.1.1",
    labels: Sequence[str] = ("Tumour", "Liver"),
    **said: Any,  # noqa: ANN401 - values of DICOM
) -> Path:
    """Write a BINARY segmentation on the grid of `write_series`: of each segment `(slices, rows, columns)`; frames without pixels are left out."""
    from pydicom.dataset import Dataset

    def item(**values: object) -> Dataset:
        made = Dataset()
        for name, value in values.items():
            setattr(made, name, value)
        return made

    step_mm = said.pop("step_mm", 3.0)
    frames = [(segment, number, plane) for segment, mask in masks.items() for number, plane in enumerate(mask) if plane.any()]
    groups = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[-10, -20, 5 + number * step_mm])],
            SegmentIdentificationSequence=[item(ReferencedSegmentNumber=segment)],
        )
        for segment, number, _ in frames
    ]
    shared = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        PixelMeasuresSequence=[item(PixelSpacing=[2, 1], SliceThickness=step_mm)],
    )
    kinds = [
        item(CodeValue="108369006", CodingSchemeDesignator="SCT", CodeMeaning="Neoplasm"),
        item(CodeValue="10200004", CodingSchemeDesignator="SCT", CodeMeaning="Liver"),
    ]
    segments = [
        item(SegmentNumber=segment, SegmentLabel=labels[place], SegmentAlgorithmType="MANUAL", SegmentedPropertyTypeCodeSequence=[kinds[place]])
        for place, segment in enumerate(masks)
    ]
    bits = np.packbits(np.concatenate([plane.ravel() for _, _, plane in frames]), bitorder="little").tobytes()
    first = next(iter(masks.values()))
    series = f"{of_series}.7"
    values = {
        "SOPClassUID": SEG,
        "SOPInstanceUID": f"{series}.1",
        "SeriesInstanceUID": series,
        "Modality": "SEG",
        "BodyPartExamined": None,
        "SliceThickness": None,
        "FrameOfReferenceUID": SPACE,
        "SegmentationType": "BINARY",
        "BitsAllocated": 1,
        "BitsStored": 1,
        "HighBit": 0,
        "Rows": first.shape[1],
        "Columns": first.shape[2],
        "NumberOfFrames": len(frames),
        "SegmentSequence": segments,
        "SharedFunctionalGroupsSequence": [shared],
        "PerFrameFunctionalGroupsSequence": groups,
        "ReferencedSeriesSequence": [item(SeriesInstanceUID=of_series)],
        "PixelData": bits + b"\0" * (len(bits) % 2),
    }
    return write_dicom(path, **values | said)
