"""How the data came about, step by step: sources, harmonisation, checks, features and their encoders, de-identification."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from plait import __version__
from plait.duck import sql
from plait.export.fair.model import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plait.export.fair.missing import Described
    from plait.export.outgoing import Outgoing

_PACKAGE = "plait.export.fair"


def history(out: Outgoing, day: dt.date, snapshots: Sequence[Described]) -> tuple[Step, ...]:
    """Give the steps, the first one first.

    Args:
        out: The export.
        day: The day of the export.
        snapshots: The snapshots that go along.
    """
    sources = [(f"source {name}", digest) for name, digest in out.con.execute(sql(_PACKAGE, "history")).fetchall()]
    query = "SELECT started_at, finished_at, plait_version, vocabulary_release FROM plait.runs WHERE run_id = $run"
    steps = [
        Step(
            "harmonisation",
            "Mapped to the OMOP CDM, every record accounted for.",
            f"plait {program}",
            begun,
            ended,
            (*sources, (f"vocabulary {release}", None)),
        )
        for begun, ended, program, release in out.con.execute(query, {"run": out.version.run_id}).fetchall()
    ]
    program, at = f"plait {__version__}", dt.datetime.combine(day, dt.time())
    if snapshots:
        encoders = {(f"encoder {one.name} of view {one.view}", one.weights) for snapshot in snapshots for one in snapshot.encoders}
        about = "Asked what was known of each person at a moment, with a reason for what is missing: " + ", ".join(one.name for one in snapshots) + "."
        steps.append(Step("features", about, program, None, at, tuple(sorted(encoders, key=lambda one: one[0]))))
    steps.append(Step("validation", f"Checked by the rules of OHDSI's DataQualityDashboard and of plait: {_found(out)}.", program, at, at))
    steps.append(Step("de-identification", f"New ids, shifted dates, generalised places, texts {said_of_notes(out)}.", program, at, at))
    return tuple(steps)


def said_of_notes(out: Outgoing) -> str:
    """Say what became of notes."""
    return "withheld" if out.scrubbed is None else "scrubbed by rules and by what is known of persons" + (", and by a model" if out.scrubbed.model else "")


def _found(out: Outgoing) -> str:
    """Say how the checks ended."""
    ended = [result.status for result in out.report.results]
    return f"{ended.count('PASS'):,} checks passed, {ended.count('FAIL'):,} failed and none of severity error, {ended.count('NA'):,} do not apply"
