"""A study that tests of several exports share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import plait
from plait.demo import write_demo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a demo of twenty patients that was run, of whom any word may be told; tests keep keys and snapshots in it, and change nothing else."""
    folder = tmp_path_factory.mktemp("few") / "study"
    write_demo(folder, persons=20, with_faults=False)
    with (folder / "plait.yaml").open("a", encoding="utf-8") as settings:
        settings.write("policy: {min_cell: 1}\n")
    plait.open(folder).run_etl()
    return folder
