"""A study of the demo's data and version, with features of its own: for tests that write nothing but features."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def linked(demo: Path, folder: Path, features: str) -> Path:
    """Make a study in `folder` that has all of the demo's by links, and these `features` in its settings."""
    folder.mkdir()
    for place in demo.iterdir():
        if place.name not in {"features", "plait.yaml"}:
            (folder / place.name).symlink_to(place)
    return declare(folder, features)


def declare(folder: Path, features: str) -> Path:
    """Replace what the settings of a study say of features by lines of YAML, one a view."""
    origin = (folder / "data").resolve().parent / "plait.yaml"
    before = origin.read_text(encoding="utf-8").split("\nfeatures:\n")[0].split("\ncohorts:\n")[0]
    (folder / "plait.yaml").write_text(f"{before}\nfeatures:\n{features}", encoding="utf-8")
    return folder
