"""A dataset, and all that is nested in it, without what identifies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plait.export.deidentify.dicom import values
from plait.export.deidentify.dicom.profile import action_of, basic_action, is_out, rule_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

    from plait.export.deidentify.key import ExportKey

Text = tuple[int, str]
"""A descriptor: its tag, and what it says."""

_KEYED = {"ContainerIdentifier": "specimen", "SpecimenIdentifier": "specimen", "TrackingID": "tracking"}
"""Identifiers of what is no person, in whose place another stands that is the same wherever the original was."""
_SHORT = frozenset({"LO", "SH", "UC"})
"""Kinds of values of attributes that must be there in some objects, as the label of a segment must."""
_OF_SUBJECT = frozenset({"TEXT", "PNAME", "DATE", "DATETIME", "TIME", "NUM"})
"""Items of a report's context that say who was observed and by whom (DICOM PS3.16, TID 1001)."""
_BIRTH = "121031"
"""Subject Birth Date (DICOM PS3.16, DCM)."""
_METHODS = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113104", "Clean Structured Content Option"),
    ("113105", "Clean Descriptors Option"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
)
_BLANKED = ("113101", "Clean Pixel Data Option")
_METHOD = "DICOM PS3.15 Annex E, Basic Profile with options, by plait"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose images they are, under the new id.

    Attributes:
        new_id: The person's new id.
        shift_days: The days by which the person's dates are shifted.
        key: The export's key.
        common: Descriptors that as many persons have as the smallest cell.
    """

    new_id: int
    shift_days: int
    key: ExportKey
    common: frozenset[Text]


def descriptors(dataset: Dataset) -> Iterator[Text]:
    """Yield the texts of a dataset that stay only where they are common."""
    for element in _elements(dataset):
        action = action_of(element.tag, element.VR)
        if action == "common":
            yield int(element.tag), text_of(element)
        elif action in {"clean", "content"}:
            for item in element.value or ():
                yield from descriptors(item)


def clean(dataset: Dataset, subject: Subject) -> None:
    """Take what identifies out of a dataset and what is nested in it; it is changed in place."""
    for tag in list(dataset.keys()):
        if is_out(tag):
            del dataset[tag]
    present = {element.tag for element in _elements(dataset)}
    for tag in list(dataset.keys()):
        if tag not in present:  # what cannot be read
            del dataset[tag]
    for element in list(_elements(dataset)):
        action = action_of(element.tag, element.VR)
        if action == "keep":
            continue
        if action in {"clean", "content"}:
            _clean_items(element, subject, is_content=action == "content")
            continue
        made = _ACTIONS[action](element, subject)
        if made is None and action in {"shift", "time", "zone", "age", "common"}:
            rule = rule_of(element.tag)
            otherwise = basic_action(rule, element.VR) if rule else "dummy" if element.VR in _SHORT else "remove"
            made = _ACTIONS[otherwise](element, subject)
        if made is None:
            del dataset[element.tag]
        else:
            element.value = made


def tell(dataset: Dataset, subject: Subject, *, is_blanked: bool) -> None:
    """Say in a dataset that was cleaned whose it is now, and what was done to it (DICOM PS3.3, C.7.1.1 and C.12.1.1.13)."""
    from pydicom.dataset import Dataset

    dataset.PatientID = dataset.PatientName = str(subject.new_id)
    dataset.PatientBirthDate = ""
    dataset.PatientIdentityRemoved = "YES"
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    dataset.DeidentificationMethod = _METHOD
    codes = []
    for value, meaning in sorted((*_METHODS, _BLANKED) if is_blanked else _METHODS):
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
        codes.append(code)
    dataset.DeidentificationMethodCodeSequence = codes
    if is_blanked:
        dataset.BurnedInAnnotation = "NO"


def text_of(element: DataElement) -> str:
    """Give a value as text, several joined as DICOM joins them."""
    return "\\".join(_parts(element))


def _parts(element: DataElement) -> list[str]:
    from pydicom.multival import MultiValue

    value = element.value
    found = list(value) if isinstance(value, MultiValue) else [] if value is None else [value]
    return [str(part) for part in found]


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    """Yield the elements that can be read, and whose value is of the kind that the attribute has (DICOM PS3.6); of no attribute that is not known."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    for tag in list(dataset.keys()):
        if is_out(tag) or not dictionary_has_tag(tag):
            continue
        try:
            element = dataset[tag]
            is_one = element.VR not in _SAYING or all(_SAYING[element.VR].fullmatch(part) for part in _parts(element))
            if element.VR == "SQ":
                len(element.value or ())
        except Exception:  # noqa: BLE001, S112 - pydicom raises what it likes for values that are none
            continue
        meant = dictionary_VR(tag)
        if is_one and (meant == element.VR or not _WORDS & {meant, element.VR}):
            yield element


_SAYING = {"DS": re.compile(r" *([+-]?[\d.]+([eE][+-]?\d+)?)? *"), "IS": re.compile(r" *([+-]?\d+)? *")}
"""How numbers that are written in letters read; what else stands there is no number."""
_WORDS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "SQ", "ST", "TM", "UC", "UI", "UN", "UR", "UT"})
"""Kinds of values of which none is taken for another; those of numbers and of bytes are ambiguous in some files."""


def _clean_items(element: DataElement, subject: Subject, *, is_content: bool) -> None:
    """Clean the items of a sequence; of a report's, leave out those that say whom it is about, and texts of few persons."""
    for item in element.value:
        clean(item, subject)
    if element.keyword == "PersonIdentificationCodeSequence":
        for item in element.value:
            item.clear()
            item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "0", "99PLAIT", values.REMOVED
    if is_content:
        element.value = [item for item in element.value if _may_stay(item)]


def _may_stay(item: Dataset) -> bool:
    """Say whether an item of a report says nothing of who was observed, and still says something."""
    kind = str(item.get("ValueType", ""))
    if item.get("RelationshipType") == "HAS OBS CONTEXT" and kind in _OF_SUBJECT:
        return False
    if any(str(code.get("CodeValue", "")) == _BIRTH for code in item.get("ConceptNameCodeSequence") or ()):
        return False
    return kind != "TEXT" or bool(item.get("TextValue"))


def _of_parts(change: Callable[[str, DataElement, Subject], str | None]) -> Callable[[DataElement, Subject], Any]:
    """Give a function that changes each part of a value, and gives None where one cannot be."""

    def changed(element: DataElement, subject: Subject) -> Any:  # noqa: ANN401 - pydicom's values are of many types
        parts = [change(part, element, subject) if part else "" for part in _parts(element)]
        if None in parts:
            return None
        return parts if len(parts) > 1 else (parts or [""])[0]

    return changed


def _dummy(element: DataElement, subject: Subject) -> Any:  # noqa: ANN401
    if element.is_empty:
        return element.value
    if element.keyword == "PatientID":
        return str(subject.new_id)
    if element.keyword in _KEYED:
        return subject.key.name(_KEYED[element.keyword], text_of(element))
    return values.new_uid(subject.key, text_of(element)) if element.VR == "UI" else values.dummy(element.VR)


def _common(element: DataElement, subject: Subject) -> Any:  # noqa: ANN401
    if element.is_empty or (int(element.tag), text_of(element)) in subject.common:
        return element.value
    return subject.key.name(_KEYED[element.keyword], text_of(element)) if element.keyword in _KEYED else None


_ACTIONS: dict[str, Callable[[DataElement, Subject], Any]] = {
    "remove": lambda _element, _subject: None,
    "empty": lambda element, _subject: [] if element.VR == "SQ" else b"" if element.VR in {"OB", "OW", "UN"} else "",
    "dummy": _dummy,
    "uid": _of_parts(lambda part, _element, subject: values.new_uid(subject.key, part)),
    "shift": _of_parts(lambda part, element, subject: values.shifted(element.VR, part, subject.shift_days)),
    "time": _of_parts(lambda part, _element, _subject: values.time_alone(part)),
    "zone": _of_parts(lambda part, _element, _subject: values.zone_alone(part)),
    "age": _of_parts(lambda part, _element, _subject: values.capped_age(part)),
    "common": _common,
}
"""What each action makes of a value; None where the element goes."""
