"""All tests of a package, and what came of them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from plait.export.check import findable, interoperable, reusable
from plait.export.check.opened import opened

if TYPE_CHECKING:
    from pathlib import Path

    from plait.export.check.outcome import Level, Result

TESTS = (*findable.TESTS, *interoperable.TESTS, *reusable.TESTS)


@dataclass(frozen=True, slots=True)
class Tested:
    """A test, and what it found.

    Attributes:
        principle: The FAIR principle.
        says: What the principle says.
        asks: What was tested.
        level: Whether a package that fails it fails as a whole.
        result: Whether it passed, failed, does not apply, or needs what is not here.
        why: What it was seen by.
    """

    principle: str
    says: str
    asks: str
    level: Level
    result: Result
    why: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What is FAIR of a package.

    Attributes:
        path: The package.
        is_fair: Whether no test fails that is required.
        tests: All tests.
    """

    path: Path
    is_fair: bool
    tests: tuple[Tested, ...]


@cache
def principles() -> dict[str, str]:
    """Give the FAIR principles (M. Wilkinson et al., 2016, box 2), in short."""
    rows = csv.DictReader((files("plait.export.check") / "principles.csv").read_text(encoding="utf-8").splitlines(), strict=True)
    return {row["principle"]: row["says"] for row in rows}


def check_package(path: Path) -> Checked:
    """Test a package, plait's or another one, against the FAIR principles; nothing is asked of the web.

    Args:
        path: A folder or a zip file.

    Raises:
        ExportError: There is no package.
    """
    found = []
    with opened(path) as package:
        for test in TESTS:
            outcome = test.run(package)
            found.append(Tested(test.principle, principles()[test.principle], test.asks, test.level, outcome.result, outcome.why))
    return Checked(path, not any(one.level == "required" and one.result == "fail" for one in found), tuple(found))
