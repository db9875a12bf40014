"""Sources without calendar dates: offsets from an event of the person's life become times on a synthetic calendar.

The event is named (`anchor: diagnosis`), and stands for every person of every source at one date, so that
the intervals between a person's events are exact and what is computed of one person depends on no other.
`plait.time_anchor` flags the persons: their calendar dates mean nothing.
"""

from __future__ import annotations

import datetime as dt

_OF_BIRTH = dt.date(1900, 1, 1)
_OF_ANYTHING_ELSE = dt.date(2000, 1, 1)


def anchor_date(anchor: str) -> dt.date:
    """Give the date at which an anchor stands: far enough back for a life after birth, or after a diagnosis, to lie in the past.

    >>> anchor_date("birth")
    datetime.date(1900, 1, 1)
    """
    return _OF_BIRTH if anchor == "birth" else _OF_ANYTHING_ELSE
