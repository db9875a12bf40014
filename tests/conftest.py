"""What tests of several rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the folder with the specifications that tests compare with: PLAIT_SHARED, or `../shared` beside the repository."""
    folder = Path(os.environ.get("PLAIT_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip("PLAIT_SHARED (../shared) is not here")
    return folder
