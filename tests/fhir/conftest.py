"""Studies of FHIR resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tiny_fhir import Ward

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    """Give a study without data."""
    return Ward(tmp_path)
