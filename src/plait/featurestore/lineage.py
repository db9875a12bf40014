"""What an answer rests on: the study, its version, the views and the cohort as they were declared, and who withholds what."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plait.featurestore.cohorts import Cohort
    from plait.featurestore.view import Reading, View

_WHEN = "registered_at"
"""When an encoder was registered: it says nothing of what the encoder is."""


def lineage_of(reading: Reading, opened: Mapping[str, View], cohort: Cohort | None = None) -> dict[str, Any]:
    """Give what a table of these views says of its origin; a snapshot keeps it.

    Returns:
        `study`, `version` (its number), `run_id`, `fingerprint` and `basis` of the run behind it, `plait` and `vocabulary` that it was made
        with, `consent_sha256` (None without a consent file), `views`: each view's description, with its encoder, and `cohort`, if it was one.
        Files of the study are named from its folder on, with their SHA-256: the study may move, and a SELECT may change.
    """
    version = reading.version
    lineage: dict[str, Any] = {
        "study": reading.settings.study,
        "version": version.version,
        "run_id": version.run_id,
        "fingerprint": version.fingerprint,
        "basis": version.basis,
        "plait": version.plait,
        "vocabulary": version.vocabulary,
        "consent_sha256": _digest(reading.settings.consent),
        "views": {name: _portable(view.describe(), reading.study) for name, view in opened.items()},
    }
    return lineage if cohort is None else {**lineage, "cohort": _portable(cohort.describe(), reading.study)}


def _portable(said: Any, study: Path) -> Any:  # noqa: ANN401 - what JSON holds
    """Give what was said without the places and times that are only this machine's."""
    if isinstance(said, dict):
        return {name: _portable(one, study) for name, one in said.items() if name != _WHEN}
    if isinstance(said, list | tuple):
        return [_portable(one, study) for one in said]
    if isinstance(said, str | Path) and str(said).startswith(f"{study}/"):
        digest = _digest(Path(said))
        return f"{Path(said).relative_to(study)}{f'#sha256={digest}' if digest else ''}"
    return said


def _digest(file: Path | None) -> str | None:
    """Give the SHA-256 of a file, None where there is none."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file is not None and file.is_file() else None
