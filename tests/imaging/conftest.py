"""Studies of a few persons with images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pacs_study import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import plait


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    made = Sandbox(tmp_path)
    made.people(["p1", "p2"])
    return made


@pytest.fixture
def rows() -> Callable[[plait.Study, str], list[tuple[Any, ...]]]:
    return lambda study, query: study.connect().execute(query).fetchall()
