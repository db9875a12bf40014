"""What is asked of Great Expectations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Options:
    """What is asked of Great Expectations.

    Attributes:
        gx: Whether it is used; None where it is if it is installed.
        folder: The folder with users' suites; None for that of the study.
        python: Whether suites that are Python may run.
        docs: The folder of the project with Data Docs; None for that of the study.
        values: Whether results and Data Docs may show values that offend.
    """

    gx: bool | None = None
    folder: Path | None = None
    python: bool = False
    docs: Path | None = None
    values: bool = False
