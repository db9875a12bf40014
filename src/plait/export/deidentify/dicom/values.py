"""Values that stand for others: shifted dates, capped ages, mapped UIDs, and dummies of each kind."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from plait.export.deidentify.calendar import moved

if TYPE_CHECKING:
    from plait.export.deidentify.key import ExportKey

REMOVED = "REMOVED"
"""What stands in the place of a text that must be there."""

_OLDEST = 89
_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_DATE_TIME = re.compile(r"(\d{8})((?:\d{2}){0,3}|\d{6}\.\d{1,6})([+-]\d{4})?")
_TIME = re.compile(r"\d{2}(:?\d{2}(:?\d{2}(\.\d{1,6})?)?)?")
_ZONE = re.compile(r"[+-]\d{4}")
_STORAGE = re.compile(r"1\.2\.840\.10008\.5\.1\.4\.1\.1(\.\d{1,3}){1,4}")
"""A class of stored objects (DICOM PS3.4, B.5)."""
_AGE = re.compile(r"(\d{3})([DWMY])")
_DUMMIES: dict[str, Any] = {
    "AE": REMOVED,
    "AS": "000Y",
    "CS": REMOVED,
    "DA": "19000101",
    "DS": "0",
    "DT": "19000101000000",
    "IS": "0",
    "LO": REMOVED,
    "LT": REMOVED,
    "OB": b"\0\0",
    "PN": REMOVED,
    "SH": REMOVED,
    "ST": REMOVED,
    "TM": "000000",
    "UC": REMOVED,
    "UN": b"\0\0",
    "UR": "about:blank",
    "US": 0,
    "UT": REMOVED,
}
"""A value of each kind that the table asks a dummy of."""


def dummy(vr: str) -> Any:  # noqa: ANN401 - pydicom's values are of many types
    """Give a value of a kind that says nothing."""
    return _DUMMIES.get(vr, b"" if vr.startswith("O") else 0)


def shifted(vr: str, text: str, days: int) -> str | None:
    """Give a date (DA), or a date with a time (DT), shifted by whole days; None where it cannot be read to the day.

    >>> shifted("DA", "20240301", -1), shifted("DT", "20240301120000.5+0100", -1), shifted("DA", "202403", -1)
    ('20240229', '20240229120000.5+0100', None)
    """
    found = (_DATE if vr == "DA" else _DATE_TIME).fullmatch(text.strip(" \0"))
    if found is None:
        return None
    digits = "".join(found.groups()) if vr == "DA" else found[1]
    try:
        day = moved(date(int(digits[:4]), int(digits[4:6]), int(digits[6:])), days)
    except (ValueError, OverflowError):
        return None
    return f"{day.year:04}{day.month:02}{day.day:02}" + ("" if vr == "DA" else found[2] + (found[3] or ""))


def time_alone(text: str) -> str | None:
    """Give a time of day (TM), None of anything else."""
    return text if _TIME.fullmatch(text.strip(" \0")) else None


def zone_alone(text: str) -> str | None:
    """Give an offset from UTC, None of anything else."""
    return text if _ZONE.fullmatch(text.strip(" \0")) else None


def capped_age(text: str) -> str | None:
    """Give an age (AS), over 89 years as 90 (45 CFR 164.514(b)(2)(i)(C)); None where it is none.

    >>> capped_age("045Y"), capped_age("101Y"), capped_age("old")
    ('045Y', '090Y', None)
    """
    found = _AGE.fullmatch(text.strip(" \0"))
    if found is None:
        return None
    return "090Y" if found[2] == "Y" and int(found[1]) > _OLDEST else found[0]


def new_uid(key: ExportKey, uid: str) -> str:
    """Give the UID that stands for another; one that the standard registers (a SOP class, a transfer syntax) stays."""
    uid = uid.strip(" \0")
    return uid if not uid or is_registered(uid) else key.uid(uid)


def is_registered(uid: str) -> bool:
    """Say whether the standard registers a UID (DICOM PS3.6, A); classes of objects that are newer than pydicom are known by their root."""
    from pydicom.uid import UID

    return UID(uid).name != uid or _STORAGE.fullmatch(uid) is not None
