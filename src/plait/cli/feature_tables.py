"""What `plait embed` and `plait features` shows."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from plait.console import hint, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plait.featurestore.compare import Difference
    from plait.featurestore.embed import Embedded
    from plait.featurestore.overview import Overview


_WIDEST = 60
"""Letters of a fact that a table of differences shows."""


def show_embedded(found: Sequence[Embedded]) -> None:
    """Show what became of the items of each view."""
    if not found:
        say("The study has no views whose items are encoded.")
        return
    reasons = sorted({reason for view in found for reason in view.failed})
    rows = [
        {"view": view.view, "encoder": view.encoder_id, "items": view.items, "encoded": view.encoded, "reused": view.reused}
        | {reason: view.failed.get(reason, 0) for reason in reasons}
        for view in found
    ]
    table("Embeddings: what became of every item", rows)


def show_views(found: Sequence[Overview]) -> None:
    """Show the views of a study."""
    if not found:
        say("The study has no views; declare some under 'features' in plait.yaml.")
        return
    columns = ("view", "modality", "encoder", "features", "persons", "of")
    table("Views, and of how many persons each is there", [asdict(view) for view in found], columns=columns)
    for view in found:
        if view.note:
            hint(f"warning: {view.view}: {view.note}")


def show_query(told: dict[str, Any]) -> None:
    """Show who was in a cohort, what is known of its labels, and what each view had."""
    table(f"Cohort {told['cohort']}: who was left after each step", told["attrition"])
    if told["labels"]:
        say()
        labels = [
            {"label": name, "kind": one["kind"], "known": one["rows"], "events": one["events"]}
            | {"missing": ", ".join(f"{reason} {rows:,}" for reason, rows in one["missing"].items())}
            for name, one in told["labels"].items()
        ]
        table("Labels", labels)
    say()
    table("Views", [line | {"share": f"{line['share']:.3f}"} for line in told["views"]])
    say()
    say(f"Wrote {told['rows']:,} rows of {told['persons']:,} persons to {told['written']}.")


def show_difference(found: Difference) -> None:
    """Show what differs between two snapshots."""
    if found.is_empty:
        say("They are the same.")
        return
    for name, rows in zip(("the first", "the second"), found.rows[:2], strict=True):
        if rows:
            say(f"{rows:,} rows are only in {name}.")
    for word, views in (("first", found.removed), ("second", found.added)):
        if views:
            say(f"Views only in the {word}: {', '.join(views)}.")
    if found.views:
        lines = [
            {"view": one.view, "features added": len(one.added), "removed": len(one.removed), "values": one.values, "ages": one.ages}
            | {"reasons": sum(one.reasons.values()), "most in": ", ".join(list(one.features)[:3])}
            for one in found.views
        ]
        table(f"Views that differ, over the {found.rows[2]:,} rows that both have", lines)
        reasons = [
            {"view": one.view, "first": first, "second": second, "values": count} for one in found.views for (first, second), count in one.reasons.items()
        ]
        if reasons:
            table("Reasons that differ", reasons)
    if found.facts:
        table("What they rest on", [{"fact": name, "first": _short(first), "second": _short(second)} for name, (first, second) in found.facts.items()])


def _short(held: Any) -> str | None:  # noqa: ANN401 - what JSON holds
    """Give a fact in few words; --json has it whole."""
    if held is None:
        return None
    text = str(held)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
