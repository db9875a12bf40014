"""Studies of a CDM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tiny_omop import Legacy

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def legacy(tmp_path: Path) -> Legacy:
    """Give a study of a small CDM that has not been written."""
    return Legacy(tmp_path / "study")


@pytest.fixture(scope="session")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Legacy:
    """Give a study of a small CDM with a row in every table, run once; not to be changed."""
    return Legacy(tmp_path_factory.mktemp("adopted") / "study").write().run()
