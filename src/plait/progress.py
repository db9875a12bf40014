"""Who hears how far something is that takes long."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears how far a run is."""

    def __call__(self, step: str, rows: int) -> None:
        """Tell that `rows` more rows passed through `step`; a step begins with no rows."""


def silent(step: str, rows: int) -> None:
    """Hear, and tell nobody: the default listener."""
    del step, rows
