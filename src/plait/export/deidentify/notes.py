"""The notes of an export without what identifies: the temporary view `scrubbed_note` that tables are written from, and what was found."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plait.errors import ExportError
from plait.workfolder import PRIVATE_WORK, work_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from plait.export.known.identifiers import Known
    from plait.policy_settings import PolicySettings
    from plait.progress import Progress

SCRUBBED_FILE = "scrubbed.json"
"""The file of a package that tells what was found in notes, and never where or what it was."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found.

    Attributes:
        kind: What it is: `name`, `date`, `phone`, …
        rule: The rule.
        count: How often, None where it is of fewer persons than may be told.
    """

    kind: str
    rule: str
    count: int | None


@dataclass(frozen=True, slots=True)
class ScrubbedNotes:
    """What was done to notes.

    Attributes:
        notes: Notes that leave.
        changed: Those in which something was found.
        found: What was found, by kind and rule.
        model: The model that helped, None without one.
    """

    notes: int
    changed: int
    found: tuple[Found, ...]
    model: str | None = None

    def write(self, folder: Path) -> None:
        """Write the report into a package."""
        found = [{"kind": one.kind, "rule": one.rule, "count": one.count} for one in self.found]
        content = {"notes": self.notes, "changed": self.changed, "model": self.model, "found": found}
        (folder / SCRUBBED_FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


@contextmanager
def scrubbed_notes(
    con: duckdb.DuckDBPyConnection, study: Path, policy: PolicySettings, known: Known, *, threads: int | None = None, progress: Progress
) -> Iterator[ScrubbedNotes | None]:
    """Make the temporary view `scrubbed_note` (note_id, note_text) for as long as it is needed, where the policy has notes scrubbed; else None.

    Args:
        con: A connection that `plait.export.deidentify.tables.prepare` prepared.
        study: The study's folder; notes are kept in its `private/` while they are worked on, and removed.
        policy: What becomes of notes, and the model that helps.
        known: What the study knows of who somebody is.
        threads: Processes to use, as many as cores if None.
        progress: Hears of notes that were scrubbed.

    Raises:
        ExportError: A source's files are gone, so that what it says of persons cannot be looked for.
        ConfigError: The model has no label that tells of what identifies.
        EncoderError: There is no such model.
        MissingExtraError: A package is not installed.
    """
    if policy.notes != "scrub" or "note" in policy.withhold:
        yield None
        return
    if known.unread:
        raise ExportError(
            f"source '{known.unread[0]}'",
            expected="its files, which say what persons are called",
            got="none that can be read",
            todo="Restore them, or have notes withheld (policy.notes: withhold).",
        )
    from plait.export.deidentify.scrubbing import scrub_notes  # with all that finds dates and names, which most exports need not
    from plait.export.deidentify.text.tagging import Tagging

    private = study / "private"
    parent = private if os.access(private, os.W_OK) else Path(tempfile.gettempdir())
    with work_folder(parent, PRIVATE_WORK) as folder:
        tagging = Tagging(study, policy.note_model) if policy.note_model else None
        yield scrub_notes(con, folder, tagging, known.texts, policy.min_cell, threads, progress)
