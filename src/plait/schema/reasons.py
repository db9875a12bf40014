"""Why a value is there or is not: the reason codes that coverage, the feature store and exports share (DESIGN, section 7)."""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """Why a value is observed or missing; `OBSERVED` is the only one with a value."""

    OBSERVED = 0
    NOT_CAPTURED = 1
    """This source, site or assay never measures it: a gene off the panel, whatever the file holds."""
    NOT_PERFORMED = 2
    NO_MATERIAL = 3
    FAILED_QC = 4
    NOT_APPLICABLE = 5
    DECLINED = 6
    WITHHELD = 7
    OUT_OF_WINDOW = 8
    NOT_YET_KNOWN = 9
    UNMAPPED = 10
    UNPARSED = 11
    NOT_ENCODED = 12
    UNREACHABLE = 13
    DROPPED = 14
    UNKNOWN = 255
    """No record, and nothing says why."""


SAID_BY_SOURCES = (
    Reason.NOT_PERFORMED,
    Reason.NO_MATERIAL,
    Reason.DECLINED,
    Reason.NOT_APPLICABLE,
    Reason.NOT_CAPTURED,
    Reason.WITHHELD,
    Reason.UNPARSED,
)
"""Reasons that a source's own records may give, of something that has no value."""

PRIORITY = (
    Reason.WITHHELD,
    Reason.DECLINED,
    Reason.NOT_APPLICABLE,
    Reason.FAILED_QC,
    Reason.UNREACHABLE,
    Reason.NOT_ENCODED,
    Reason.UNPARSED,
    Reason.UNMAPPED,
    Reason.NO_MATERIAL,
    Reason.NOT_PERFORMED,
    Reason.OUT_OF_WINDOW,
    Reason.NOT_CAPTURED,
    Reason.NOT_YET_KNOWN,
    Reason.DROPPED,
    Reason.UNKNOWN,
)
"""Which reason is given where several hold: the first of these (DESIGN, section 7)."""
