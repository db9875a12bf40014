"""Whether the pixels of an instance may show who it is: what it says of itself, and what kind of object it is (`risks.csv`)."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Risk = Literal["burned-in annotation", "not told whether text is burned in", "a label or an overview of a slide", "a screen", "a document, a video or a surface"]
Risk_ = Risk | Literal["an object of no kind that is known", "an overlay among the pixels"]

_RISKY_MODALITIES = frozenset({"ES", "GM", "IO", "OP", "OT", "RF", "US", "XA", "XC"})
"""Modalities of which text is often burned in, where the object's kind does not say so."""
_SCREENS = frozenset({"SCREEN SAVE", "DOSE_INFO", "REPORT"})
_LABELS = frozenset({"LABEL", "OVERVIEW"})
"""Value 3 of Image Type of a whole slide (DICOM PS3.3, C.8.12.4.1.1)."""
_VIDEOS = ("1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.101", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.103", "1.2.840.10008.1.2.4.104")
_MORE_VIDEOS = ("1.2.840.10008.1.2.4.105", "1.2.840.10008.1.2.4.106", "1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.108")
_HEADS = frozenset({"BRAIN", "FACE", "HEAD", "HEADNECK", "JAW", "MANDIBLE", "MAXILLA", "ORBIT", "SINUS", "SINUSES", "SKULL", "WHOLEBODY"})
_IN_SPACE = frozenset({"CT", "MR", "PT"})
_STORAGE = "1.2.840.10008.5.1.4."


def risk_of(header: Dataset) -> Risk_ | None:
    """Give why the pixels of an instance may show who it is, None where nothing says so.

    Args:
        header: Its attributes, with its file meta information.
    """
    sop_class, said = str(header.get("SOPClassUID", "")).strip(), str(header.get("BurnedInAnnotation", "")).strip().upper()
    rule = _rules().get(sop_class)
    kinds = {str(part).strip().upper() for part in _several(header.get("ImageType"))}
    if rule == "always" or _is_video(header) or "EncapsulatedDocument" in header:
        return "a document, a video or a surface"
    if not _is_known(sop_class):
        return "an object of no kind that is known"
    if said == "YES":
        return "burned-in annotation"
    if kinds & _LABELS or str(header.get("SpecimenLabelInImage", "")).strip().upper() == "YES":
        return "a label or an overview of a slide"
    if kinds & _SCREENS:
        return "a screen"
    if _has_overlay_in_pixels(header):
        return "an overlay among the pixels"
    is_risky = rule == "untold" or "ConversionType" in header or str(header.get("Modality", "")).strip().upper() in _RISKY_MODALITIES
    return "not told whether text is burned in" if is_risky and said != "NO" and _has_pixels(header) else None


def may_show_a_face(header: Dataset) -> bool:
    """Say whether a face could be made of the pixels: plait defaces nothing."""
    if str(header.get("RecognizableVisualFeatures", "")).strip().upper() == "YES":
        return True
    part = str(header.get("BodyPartExamined", "")).strip().upper().replace(" ", "").replace("_", "")
    return part in _HEADS and str(header.get("Modality", "")).strip().upper() in _IN_SPACE


def kind_of(header: Dataset) -> str:
    """Give the name of an instance's SOP class, as DICOM has it."""
    from pydicom.uid import UID

    sop_class = UID(str(header.get("SOPClassUID", "")).strip())
    return sop_class.name if _is_known(sop_class) else "unknown"


@cache
def _rules() -> dict[str, str]:
    rows = csv.DictReader((files(__package__) / "risks.csv").read_text(encoding="utf-8").splitlines(), strict=True)
    return {row["sop_class"]: row["rule"] for row in rows}


def _is_known(sop_class: str) -> bool:
    from pydicom.uid import UID_dictionary

    return sop_class.startswith(_STORAGE) and sop_class in UID_dictionary


def _several(value: object) -> list[object]:
    return [] if value is None else [value] if isinstance(value, str) else list(value) if hasattr(value, "__iter__") else [value]


def _is_video(header: Dataset) -> bool:
    syntax = str(getattr(header, "file_meta", {}).get("TransferSyntaxUID", "")).strip()
    return syntax.removesuffix(".1") in {*_VIDEOS, *_MORE_VIDEOS}


def _has_pixels(header: Dataset) -> bool:
    return "Rows" in header


def _has_overlay_in_pixels(header: Dataset) -> bool:
    """Say whether an overlay stands in bits of the pixels that the image does not use (retired; DICOM PS3.3 2004, C.9.2.1)."""
    groups = {tag >> 16 for tag in header.keys() if 0x6000 <= tag >> 16 < 0x6020}  # noqa: PLR2004, SIM118 - the groups of overlays; a dataset is no mapping
    return any((group << 16 | 0x0010) in header and (group << 16 | 0x3000) not in header for group in groups)
