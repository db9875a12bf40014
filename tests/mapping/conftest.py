"""A small study with codes that nobody has mapped."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from desk_study import write_desk
from tiny_study import Tiny

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def written_desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study after its first run; not to be changed."""
    return write_desk(tmp_path_factory.mktemp("desk") / "study").path


@pytest.fixture
def desk(written_desk: Path, tmp_path: Path) -> Tiny:
    """A copy of the study that a test may change."""
    shutil.copytree(written_desk, tmp_path / "study")
    return Tiny(tmp_path / "study")
