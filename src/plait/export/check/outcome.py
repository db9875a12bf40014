"""What a test found, and how tests are told from each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plait.export.check.opened import Opened

Level = Literal["required", "recommended"]
Result = Literal["pass", "fail", "not applicable", "not tested here"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a test found.

    Attributes:
        result: Whether it passed, failed, does not apply, or needs what is not here (the web).
        why: What it was seen by.
    """

    result: Result
    why: str


@dataclass(frozen=True, slots=True)
class Test:
    """A test of a principle.

    Attributes:
        principle: The principle, `F1`.
        asks: What is tested, in words.
        level: Whether a package that fails it fails as a whole.
        run: What tests it.
    """

    principle: str
    asks: str
    level: Level
    run: Callable[[Opened], Outcome]


def verdict(faults: Iterable[str], good: str) -> Outcome:
    """Give that a test passed, or that it failed with the first faults."""
    found = list(faults)
    if not found:
        return Outcome("pass", good)
    return Outcome("fail", "; ".join(found[:_FEW]) + (f"; and {len(found) - _FEW} more" if len(found) > _FEW else ""))


def absent(what: str) -> Outcome:
    """Give that a test does not apply, as there is no such thing."""
    return Outcome("not applicable", f"there is no {what}")


_FEW = 3
"""Faults that are told."""
