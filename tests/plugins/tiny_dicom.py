"""DICOM files made for a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

CT = "1.2.840.10008.5.1.4.1.1.2"


def write_dicom(path: Path, **said: Any) -> Path:  # noqa: ANN401 - values of DICOM
    """Write a small CT slice; `said` has other attributes, or None for one that is left out."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    values = {
        "SOPClassUID": CT,
        "SOPInstanceUID": generate_uid(entropy_srcs=[str(path)]),
        "StudyInstanceUID": "1.2.3.1",
        "SeriesInstanceUID": "1.2.3.1.1",
        "PatientID": "p1",
        "PatientName": "Nobody^Known",
        "Modality": "CT",
        "StudyDate": "20200102",
        "StudyTime": "101500",
        "BodyPartExamined": "CHEST",
        "SliceThickness": "2.5",
        "Rows": 4,
        "Columns": 4,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelData": b"\0" * 32,
    } | said
    file = Dataset()
    for name, value in values.items():
        if value is not None:
            setattr(file, name, value)
    file["PixelData"].VR = "OW"
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = values["SOPClassUID"]
    file.file_meta.MediaStorageSOPInstanceUID = values["SOPInstanceUID"]
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path, enforce_file_format=True)
    return path
