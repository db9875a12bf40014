"""Whether the pixels of an instance may show who it is: what it says of itself, and what kind of object it is (`risks.csv`)."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from plait.export.deidentify.dicom.values import is_registered

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Risk = Literal[
    "a document, a video or a surface",
    "an object of no kind that is known",
    "burned-in annotation",
    "a label or an overview of a slide",
    "a screen",
    "an overlay among the pixels",
    "not told whether text is burned in",
]

_RISKY_MODALITIES = frozenset({"ES", "GM", "IO", "OP", "OT", "RF", "US", "XA", "XC"})
"""Modalities of which text is often burned in, where the object's kind does not say so."""
_SCREENS = frozenset({"SCREEN SAVE", "DOSE_INFO", "REPORT"})
_LABELS = frozenset({"LABEL", "OVERVIEW"})
"""Value 3 of Image Type of a whole slide (DICOM PS3.3, C.8.12.4.1.1)."""
_VIDEOS = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))
"""Transfer syntaxes of MPEG (DICOM PS3.5, 10)."""
_HEADS = frozenset({"BRAIN", "FACE", "HEAD", "HEADNECK", "JAW", "MANDIBLE", "MAXILLA", "ORBIT", "SINUS", "SINUSES", "SKULL", "WHOLEBODY"})
_IN_SPACE = frozenset({"CT", "MR", "PT"})
_STORAGE = "1.2.840.10008.5.1.4."


def risk_of(header: Dataset) -> Risk | None:
    """Give why the pixels of an instance may show who it is, None where nothing says so.

    Args:
        header: Its attributes, with its file meta information.
    """
    sop_class, said = _word(header, "SOPClassUID"), _word(header, "BurnedInAnnotation")
    rule, kinds = _rules().get(sop_class), {str(part).strip().upper() for part in _several(header.get("ImageType"))}
    is_risky = rule == "untold" or "ConversionType" in header or _word(header, "Modality") in _RISKY_MODALITIES
    found: tuple[tuple[bool, Risk], ...] = (
        (rule == "always" or _is_video(header) or "EncapsulatedDocument" in header, "a document, a video or a surface"),
        (not _is_known(sop_class), "an object of no kind that is known"),
        (said == "YES", "burned-in annotation"),
        (bool(kinds & _LABELS) or _word(header, "SpecimenLabelInImage") == "YES", "a label or an overview of a slide"),
        (bool(kinds & _SCREENS), "a screen"),
        (_has_overlay_in_pixels(header), "an overlay among the pixels"),
        (is_risky and said != "NO" and "Rows" in header, "not told whether text is burned in"),
    )
    return next((risk for is_so, risk in found if is_so), None)


def may_show_a_face(header: Dataset) -> bool:
    """Say whether a face could be made of the pixels: plait defaces nothing."""
    part = _word(header, "BodyPartExamined").replace(" ", "").replace("_", "")
    return _word(header, "RecognizableVisualFeatures") == "YES" or (part in _HEADS and _word(header, "Modality") in _IN_SPACE)


def kind_of(header: Dataset) -> str:
    """Give the name of an instance's SOP class, as DICOM has it."""
    from pydicom.uid import UID

    sop_class = _word(header, "SOPClassUID")
    return UID(sop_class).name if _is_known(sop_class) else "unknown"


@cache
def _rules() -> dict[str, str]:
    rows = csv.DictReader((files(__package__) / "risks.csv").read_text(encoding="utf-8").splitlines(), strict=True)
    return {row["sop_class"]: row["rule"] for row in rows}


def _is_known(sop_class: str) -> bool:
    return sop_class.startswith(_STORAGE) and is_registered(sop_class)


def _word(header: Dataset, name: str) -> str:
    """Give an attribute of one word."""
    return str(header.get(name, "")).strip(" \0").upper()


def _several(value: object) -> list[object]:
    return [] if value is None else [value] if isinstance(value, str) else list(value) if hasattr(value, "__iter__") else [value]


def _is_video(header: Dataset) -> bool:
    syntax = str(getattr(header, "file_meta", {}).get("TransferSyntaxUID", "")).strip()
    return syntax.removesuffix(".1") in _VIDEOS


def _has_overlay_in_pixels(header: Dataset) -> bool:
    """Say whether an overlay stands in bits of the pixels that the image does not use (retired; DICOM PS3.3 2004, C.9.2.1)."""
    groups = {tag >> 16 for tag in header.keys() if 0x6000 <= tag >> 16 < 0x6020}  # noqa: PLR2004, SIM118 - the groups of overlays; a dataset is no mapping
    return any((group << 16 | 0x0010) in header and (group << 16 | 0x3000) not in header for group in groups)
