"""What tests of several rooms share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import plait
import shell
from tiny_study import Tiny, write_tiny

if TYPE_CHECKING:
    from collections.abc import Callable

    from shell import Result


settings.register_profile("untimed", deadline=None)  # how long an example takes says nothing of whether it is right
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the folder with the specifications that tests compare with: PLAIT_SHARED, or `../shared` beside the repository."""
    folder = Path(os.environ.get("PLAIT_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip("PLAIT_SHARED (../shared) is not here")
    return folder


@pytest.fixture(scope="session")
def command() -> Callable[..., Result]:
    """Give a function that runs `plait` with arguments in this process and gives what a shell would see."""
    return shell.command


@pytest.fixture(scope="session")
def demo_result(command: Callable[..., Result], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Give the folder of the demo study, and what `plait demo DIR --json` said when it made it."""
    folder = tmp_path_factory.mktemp("demo") / "demo-study"
    return folder, command("demo", folder, "--json")


@pytest.fixture(scope="session")
def demo_study(demo_result: tuple[Path, Result]) -> Path:
    """Give the folder of a demo study that was run once; not to be changed: a test that writes works on a copy."""
    folder, result = demo_result
    assert result.code == 0, result.err
    return folder


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Give a small study without faults that was run once; not to be changed."""
    study = write_tiny(tmp_path_factory.mktemp("clean") / "study")
    study.run()
    return study


@pytest.fixture
def tiny(clean: Tiny, tmp_path: Path) -> Tiny:
    """Give a copy of the clean study, run once, to be broken."""
    shutil.copytree(clean.path, tmp_path / "study")
    return Tiny(tmp_path / "study")


@pytest.fixture
def fresh(tmp_path: Path) -> Tiny:
    """Give a small study that was never run."""
    return write_tiny(tmp_path / "fresh")


@pytest.fixture(scope="module")
def make_tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Tiny]:
    """Give a function that writes small studies, for fixtures of a whole module."""
    return lambda: write_tiny(tmp_path_factory.mktemp("tiny") / "study")


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
