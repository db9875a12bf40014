"""What a check counted that no SELECT made: how many offend, of how many, or why there is nothing to say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from plait.validators.judge import Result, has_failed

if TYPE_CHECKING:
    from plait.validators.suite import Check

_CHANCE = 0.001
"""How unlikely more violations than a threshold must be, were it the share that chance alone gives."""


class Counted(NamedTuple):
    """Two numbers of a check.

    Attributes:
        violated: How many offend.
        of: Of how many.
    """

    violated: int
    of: int


Figure = Counted | str
"""What a check counted, or why it does not apply."""


def judged(check: Check, found: Figure) -> Result:
    """Give the result of a check."""
    if isinstance(found, str):
        return Result(check, None, None, "NA", found)
    if not found.of:
        return Result(check, found.violated, found.of, "NA", "there is nothing to look at")
    failed = has_failed(found.violated, found.of, check.threshold)
    if failed and check.type.by_chance and check.threshold:
        failed = is_beyond_chance(found.violated, found.of, check.threshold / 100)
    return Result(check, found.violated, found.of, "FAIL" if failed else "PASS")


def is_beyond_chance(violated: int, of: int, share: float) -> bool:
    """Say whether so many offenders are more than a share explains: the upper tail of the binomial distribution lies below 1 in 1,000."""
    if share >= 1 or violated <= of * share:
        return False
    logarithm = math.lgamma(of + 1) - math.lgamma(violated + 1) - math.lgamma(of - violated + 1)
    term = math.exp(logarithm + violated * math.log(share) + (of - violated) * math.log1p(-share))
    tail, number = 0.0, violated
    while term > tail * 1e-12 and number <= of and tail < _CHANCE:
        tail += term
        term *= (of - number) / (number + 1) * share / (1 - share)
        number += 1
    return tail < _CHANCE
