"""What an answer rests on: the study, its version, the views as they were declared, and who withholds what."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from plait.featurestore.view import Reading, View


def lineage_of(reading: Reading, opened: Mapping[str, View]) -> dict[str, Any]:
    """Give what a table of these views says of its origin; a snapshot keeps it.

    Returns:
        `study`, `version` (its number), `run_id`, `fingerprint` and `basis` of the run behind it, `plait` and `vocabulary` that it was made
        with, `consent_sha256` (None without a consent file), and `views`: each view's description, with its encoder.
    """
    version = reading.version
    return {
        "study": reading.settings.study,
        "version": version.version,
        "run_id": version.run_id,
        "fingerprint": version.fingerprint,
        "basis": version.basis,
        "plait": version.plait,
        "vocabulary": version.vocabulary,
        "consent_sha256": _digest(reading.settings.consent),
        "views": {name: view.describe() for name, view in opened.items()},
    }


def _digest(file: Path | None) -> str | None:
    """Give the SHA-256 of a file, None where there is none."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file is not None and file.is_file() else None
