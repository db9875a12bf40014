"""Why a row has no value: what its person's observations say, and which of several reasons is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plait.schema.reasons import PRIORITY, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plait.featurestore.aligned import Codes, Flags
    from plait.featurestore.asof import History, Ints
    from plait.featurestore.index import Index
    from plait.featurestore.view import Question


def why_not(index: Index, question: Question, histories: Sequence[History], since: Ints | None, known: Mapping[Reason, Flags] | None = None) -> Codes:
    """Give the reason of rows in whose window nothing counts `(n_rows,) uint8`: the first in the order of `PRIORITY`, UNKNOWN where there is none.

    Args:
        index: The rows.
        question: Whether it may be told that something becomes known later.
        histories: All observations, with values and without.
        since: Where each row's window begins, None where all of the past counts.
        known: What else holds, by the reason, `(n_rows,)` each.
    """
    found = dict(known or {})
    if since is not None:
        found[Reason.OUT_OF_WINDOW] = np.logical_or.reduce([history.count(index.person_id, index.at) > 0 for history in histories])
    if question.audit:
        found[Reason.NOT_YET_KNOWN] = np.logical_or.reduce([history.has_future(index.person_id, index.at) for history in histories])
    codes = np.full(len(index), Reason.UNKNOWN, np.uint8)
    for reason in reversed(PRIORITY):
        if reason in found:
            codes[found[reason]] = reason
    return codes
