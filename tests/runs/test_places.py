"""A study is the same wherever it stands: what folders are called above it is no data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import plait
from plait.errors import ConfigError
from tiny_study import write_tiny

if TYPE_CHECKING:
    from pathlib import Path

    from tiny_study import Tiny


def test_folders_that_look_like_partitions_are_no_columns(clean: Tiny, tmp_path: Path) -> None:
    """`source`, `code`, `id` and `person_id` are columns of the files, of staged records or of the CDM."""
    placed = write_tiny(tmp_path / "source=a" / "code=b" / "Id=c" / "person_id=7" / "study")
    placed.run()
    there, here = plait.open(placed.path), plait.open(clean.path)
    assert there.digest() == here.digest()
    assert there.validate("cdm").counted() == here.validate("cdm").counted()


@pytest.mark.parametrize("name", ["x[1]", "a*", "b?"])
def test_a_path_that_fits_others_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a path without \*, \? and \["):
        plait.init(tmp_path / name / "study")
    (tmp_path / name).mkdir()
    (tmp_path / name / "plait.yaml").write_text("study: s\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"a path without \*, \? and \["):
        plait.open(tmp_path / name)
