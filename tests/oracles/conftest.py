"""Studies on data and oracles that others made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def conventions() -> Callable[..., dict[str, int]]:
    """Give a function that reads the figures in a column of the table below a heading of `docs/conventions.md`, by first cell."""
    text = (Path(__file__).parents[2] / "docs" / "conventions.md").read_text(encoding="utf-8")

    def read(heading: str, column: int = 1) -> dict[str, int]:
        section = re.split(r"^#+ ", text.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]
        return {row[0]: int(row[column].replace(",", "")) for row in rows[2:]}

    return read
