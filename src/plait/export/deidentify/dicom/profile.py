"""What becomes of each attribute: DICOM PS3.15 Annex E, Table E.1-1 (edition 2024b), as `profile.csv`, and a rule by kind of value for the rest.

Where the table leaves a choice to the type that an attribute has in the object at hand (`X/Z`, `X/D`, `Z/D`, `X/Z/D`), what is valid in every
object is taken: a dummy where one is allowed, else an empty value. A sequence, of which no dummy is valid everywhere, is removed where that
is allowed, else emptied. Days of `also.csv` are not shifted: those of devices, products and DICOM's own lists are the same for many persons, and
some are known, so that they would tell the shift; the Basic Profile's action is taken. Of attributes that the table does not name, the others of
`also.csv` identify and go; UIDs are mapped, dates shifted, names of
persons emptied, long texts and what is called a description, a label or a comment kept where many persons have the same, and what nobody knows
(private, UN, another kind of value than the attribute has) is removed.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Action = Literal["keep", "remove", "empty", "dummy", "uid", "shift", "time", "zone", "age", "common", "clean", "content"]

CURVES, OVERLAYS = range(0x5000, 0x5020), range(0x6000, 0x6020)
_FIRST_GROUP, _PIXELS, _PIXEL_GROUPS = 0x0008, 0x7FE0, range(0x7F00, 0x8000)
TEXTS = frozenset({"CS", "LO", "LT", "SH", "ST", "UC", "UT"})
"""Kinds of values that may be descriptors."""
_UNNAMED: dict[str, Action] = {
    "AE": "remove",
    "AS": "age",
    "DA": "shift",
    "DT": "shift",
    "LT": "common",
    "PN": "empty",
    "SQ": "clean",
    "ST": "common",
    "TM": "time",
    "UI": "uid",
    "UN": "remove",
    "UR": "common",
    "UT": "common",
}
"""What becomes of attributes that the table does not name, by kind of value; the others stay."""
_CLEANED: dict[str, Action] = {"DA": "shift", "DT": "shift", "SH": "zone", "TM": "time"}
"""What the option of modified dates does, by kind of value; the one short text among them is an offset from UTC."""
_WORDED = ("Comment", "Comments", "Description", "Label", "LabelVector", "Notes", "ProtocolName")
"""Ends of the names of short texts that are free ones."""
_DUMMY_ITEMS = frozenset({"FlowIdentifierSequence", "VerifyingObserverSequence", "PersonIdentificationCodeSequence"})
"""Sequences for which the table asks a dummy: what is in their items is replaced. A presentation state is whole without the fourth, its graphics."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of Table E.1-1.

    Attributes:
        tag: Group and element, eight hexadecimal digits; `50xxxxxx` and the like of repeating groups, `odd` of private ones.
        keyword: Its name.
        basic: Action of the Basic Profile.
        is_date: Whether the option of modified dates cleans it.
        is_descriptor: Whether the option of clean descriptors does.
        is_content: Whether the option of clean structured content does.
    """

    tag: str
    keyword: str
    basic: str
    is_date: bool
    is_descriptor: bool
    is_content: bool


@cache
def rules() -> dict[str, Rule]:
    """Give the rows of the table by tag."""
    rows = csv.DictReader((files(__package__) / "profile.csv").read_text(encoding="utf-8").splitlines(), strict=True)
    return {row["tag"]: Rule(row["tag"], row["keyword"], row["basic"], row["dates"] == "C", row["descriptors"] == "C", row["content"] == "C") for row in rows}


@cache
def _also_out() -> frozenset[int]:
    """Give the attributes that identify and that the table does not name, and those whose days are not shifted."""
    rows = csv.DictReader((files(__package__) / "also.csv").read_text(encoding="utf-8").splitlines(), strict=True)
    return frozenset(int(row["tag"], 16) for row in rows)


def _is_worded(tag: int, vr: str) -> bool:
    """Say whether an attribute that the table does not name is of somebody's own words."""
    from pydicom.datadict import keyword_for_tag

    return vr in {"LO", "SH", "UC"} and keyword_for_tag(tag).endswith(_WORDED)


@cache
def rule_of(tag: int) -> Rule | None:
    """Give the row of an attribute that is neither private nor of a repeating group, None of one that the table does not name."""
    return rules().get(f"{tag:08X}")


def is_out(tag: int) -> bool:
    """Say whether an attribute goes whatever it holds: private, of an overlay or a curve, of a network message, or pixels of a retired kind."""
    group = tag >> 16
    return (
        group % 2 == 1
        or group < _FIRST_GROUP
        or group in CURVES
        or group in OVERLAYS
        or (group in _PIXEL_GROUPS and group != _PIXELS)
        or tag & 0xFFFF == 0  # the length of a group
    )


def action_of(tag: int, vr: str) -> Action:
    """Give what becomes of an attribute.

    Args:
        tag: Its tag.
        vr: The kind of its value.
    """
    if is_out(tag):
        return "remove"
    rule = rule_of(tag)
    if tag in _also_out():
        return basic_action(rule, vr) if rule else "remove"
    if rule is None:
        return "common" if _is_worded(tag, vr) else _UNNAMED.get(vr, "keep")
    if rule.is_date and vr in _CLEANED:
        return _CLEANED[vr]
    return "common" if rule.is_descriptor and vr in TEXTS else basic_action(rule, vr)


def basic_action(rule: Rule, vr: str) -> Action:
    """Give what the Basic Profile does to an attribute, which is also done where an option cannot keep its value."""
    allowed = rule.basic.split("/")
    if vr == "SQ":
        return _of_sequence(rule, allowed)
    return "uid" if "U" in allowed else "dummy" if "D" in allowed else "empty" if "Z" in allowed else "remove"


def _of_sequence(rule: Rule, allowed: list[str]) -> Action:
    if "U*" in allowed:
        return "clean"
    if "X" in allowed:
        return "empty" if "D" not in allowed and "Z" in allowed else "remove"
    if "Z" in allowed:
        return "empty"
    if rule.keyword == "ContentSequence":
        return "content"
    return "clean" if rule.keyword in _DUMMY_ITEMS else "remove"
