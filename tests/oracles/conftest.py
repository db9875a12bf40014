"""Studies on data and oracles that others made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import plait

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def make_study(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give a function that makes a study of a Synthea folder with a vocabulary of `shared/data`, and runs it."""

    def make(raw: Path | str, vocabulary: str, *, threads: int = 2, shard_persons: int | None = None) -> Path:
        folder = tmp_path_factory.mktemp("study")
        data = shared / "data"
        lines = ["study: oracle", f"vocabulary: {data / 'vocabulary' / vocabulary}", "sources:", f"  - {{name: ehr, kind: synthea, path: {data / raw}}}"]
        if shard_persons is not None:
            lines.append(f"shard_persons: {shard_persons}")
        (folder / "plait.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        plait.open(folder).run_etl(threads=threads)
        return folder

    return make


@pytest.fixture(scope="session")
def conventions() -> Callable[..., dict[str, int]]:
    """Give a function that reads the figures in a column of the table below a heading of `docs/conventions.md`, by first cell."""
    text = (Path(__file__).parents[2] / "docs" / "conventions.md").read_text(encoding="utf-8")

    def read(heading: str, column: int = 1) -> dict[str, int]:
        section = re.split(r"^#+ ", text.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]
        return {row[0]: int(row[column].replace(",", "")) for row in rows[2:]}

    return read
