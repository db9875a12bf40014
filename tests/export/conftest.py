"""A study that tests of several exports share."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import plait
from plait.demo import write_demo

if TYPE_CHECKING:
    from collections.abc import Callable
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


@pytest.fixture(scope="session")
def few_with(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give a function that copies this study and gives the copy another policy."""

    def copied(**policy: Any) -> Path:  # noqa: ANN401 - keys of plait.yaml
        folder = tmp_path_factory.mktemp("few_with") / "study"
        shutil.copytree(few, folder)
        settings = yaml.safe_load((folder / "plait.yaml").read_text(encoding="utf-8"))
        settings.pop("policy")
        settings |= {"policy": policy} if policy else {}
        (folder / "plait.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
        return folder

    return copied
