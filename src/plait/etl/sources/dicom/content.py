"""What a segmentation, a structure set, a report or a DICOMDIR says of other files, from its sequences.

Of a structured report (DICOM PS3.3, C.17.3) numbers, codes, texts, dates and times that have a concept name are kept, each with the series
of the picture beside it. Names of persons (PNAME), UIDs, and the context of the observation, which says who observed and of whom, are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

_WORDS = {"TEXT": "TextValue", "DATE": "Date", "TIME": "Time", "DATETIME": "DateTime"}
"""Kind of a report's item → the attribute of its value, which is kept as text."""


def text_of(value: Any) -> str | None:  # noqa: ANN401 - pydicom's values are of many types
    """Give a value as text, several joined as DICOM joins them, empty ones as None."""
    from pydicom.multival import MultiValue

    parts = list(value) if isinstance(value, MultiValue) else [value]
    text = "\\".join(str(part) for part in parts if part is not None).replace("\0", "").strip()
    return text or None


def number_of(value: Any) -> str | None:  # noqa: ANN401
    """Give a number as text; of several the first."""
    text = text_of(value)
    return text.split("\\")[0] if text else None


def plain(value: Any) -> object:  # noqa: ANN401
    """Give a number, or several, for JSON."""
    numbers = [int(number) if number.is_integer() else number for number in map(float, filter(None, str(text_of(value) or "").split("\\")))]
    return numbers[0] if len(numbers) == 1 else numbers


def code_of(item: Dataset, attribute: str) -> dict[str, str]:
    """Give the first code of a code sequence: its value, scheme and meaning."""
    for code in item.get(attribute) or []:
        value = text_of(code.get("CodeValue") or code.get("LongCodeValue"))
        if value:
            return {"code": value, "scheme": text_of(code.get("CodingSchemeDesignator")) or "", "meaning": text_of(code.get("CodeMeaning")) or ""}
    return {}


def referenced(header: Dataset) -> Iterator[str]:
    """Yield the series that a segmentation, a structure set or a report was made from."""
    for series in header.get("ReferencedSeriesSequence") or []:
        yield from filter(None, [text_of(series.get("SeriesInstanceUID"))])
    for study in header.get("CurrentRequestedProcedureEvidenceSequence") or []:
        for series in study.get("ReferencedSeriesSequence") or []:
            yield from filter(None, [text_of(series.get("SeriesInstanceUID"))])
    for frame in header.get("ReferencedFrameOfReferenceSequence") or []:
        for study in frame.get("RTReferencedStudySequence") or []:
            for series in study.get("RTReferencedSeriesSequence") or []:
                yield from filter(None, [text_of(series.get("SeriesInstanceUID"))])


def features_of(header: Dataset) -> Iterator[dict[str, Any]]:
    """Yield what a segmentation, a structure set or a report says of the images that it was made from."""
    for segment in header.get("SegmentSequence") or []:
        kind = code_of(segment, "SegmentedPropertyTypeCodeSequence") or code_of(segment, "SegmentedPropertyCategoryCodeSequence")
        yield {
            "code": kind.get("code"),
            "scheme": kind.get("scheme"),
            "label": kind.get("meaning"),
            "site": code_of(segment, "AnatomicRegionSequence"),
            "algorithm": text_of(segment.get("SegmentAlgorithmName")) or text_of(segment.get("SegmentAlgorithmType")),
        }
    observed = {text_of(item.get("ReferencedROINumber")): item for item in header.get("RTROIObservationsSequence") or []}
    for region in header.get("StructureSetROISequence") or []:
        seen = observed.get(text_of(region.get("ROINumber")))
        kind = code_of(seen, "RTROIIdentificationCodeSequence") if seen is not None else {}
        interpreted = text_of(seen.get("RTROIInterpretedType")) if seen is not None else None
        yield {"code": kind.get("code") or interpreted or "ROI", "scheme": kind.get("scheme") or "RT", "label": kind.get("meaning") or interpreted}
    series_of = dict(_evidence(header))
    for item in header.get("ContentSequence") or []:
        yield from _said(item, series_of, None)


def _evidence(header: Dataset) -> Iterator[tuple[str, str]]:
    """Yield the instances that a report rests on, each with its series."""
    for study in header.get("CurrentRequestedProcedureEvidenceSequence") or []:
        for series in study.get("ReferencedSeriesSequence") or []:
            for instance in series.get("ReferencedSOPSequence") or []:
                uid, of_series = text_of(instance.get("ReferencedSOPInstanceUID")), text_of(series.get("SeriesInstanceUID"))
                if uid and of_series:
                    yield uid, of_series


def _said(item: Dataset, series_of: dict[str, str], about: str | None) -> Iterator[dict[str, Any]]:
    """Yield what an item of a report says, and those in it; `about` is the series of the picture that the items around it show."""
    if text_of(item.get("RelationshipType")) == "HAS OBS CONTEXT" and text_of(item.get("ValueType")) != "NUM":
        return
    children = item.get("ContentSequence") or []
    shown = {series for child in children for series in _shown(child, series_of)}
    about = next(iter(shown)) if len(shown) == 1 else about
    concept = code_of(item, "ConceptNameCodeSequence")
    if concept:
        named = {**concept, "label": concept["meaning"], "about": about}
        yield from ({**named, **value} for value in _item_values(item))
    for child in children:
        yield from _said(child, series_of, about)


def _item_values(item: Dataset) -> Iterator[dict[str, Any]]:
    """Yield the value of an item: a number and its unit, a code, or words."""
    kind = text_of(item.get("ValueType"))
    if kind == "NUM":
        for measured in item.get("MeasuredValueSequence") or []:
            yield {"value": number_of(measured.get("NumericValue")), "unit": code_of(measured, "MeasurementUnitsCodeSequence").get("code")}
    elif kind == "CODE":
        if found := code_of(item, "ConceptCodeSequence"):
            yield {"finding": found["code"], "finding_scheme": found["scheme"]}
    elif kind in _WORDS and (words := text_of(item.get(_WORDS[kind]))):
        yield {"words": words}


def _shown(item: Dataset, series_of: dict[str, str]) -> Iterator[str]:
    """Yield the series of the pictures that an item is, or that its place (SCOORD) is on."""
    kind = text_of(item.get("ValueType"))
    if kind == "IMAGE":
        for reference in item.get("ReferencedSOPSequence") or []:
            yield from filter(None, [series_of.get(text_of(reference.get("ReferencedSOPInstanceUID")) or "")])
    elif kind == "SCOORD":
        for child in item.get("ContentSequence") or []:
            yield from _shown(child, series_of)


def listed(header: Dataset) -> Iterator[str]:
    """Yield the files that a DICOMDIR lists, relative to its folder (PS3.3, F.3.2.2: Referenced File ID)."""
    for record in header.get("DirectoryRecordSequence") or []:
        parts = (text_of(record.get("ReferencedFileID")) or "").split("\\")
        if any(parts):
            yield "/".join(parts)
