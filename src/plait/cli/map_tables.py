"""What `plait map` and `plait vocabulary diff` show."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from plait.console import hint, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plait.mapping.apply import Applied
    from plait.mapping.mappings import Suggested
    from plait.mapping.unmapped import Unmapped
    from plait.mapping.upgrade import CodeChange, ReleaseDifference


def _count(number: int, thing: str) -> str:
    """Give a number of things."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def show_unmapped(codes: Sequence[Unmapped], limit: int, *, is_all: bool) -> None:
    """Show codes without a standard concept: all, or those that were asked for."""
    if not codes:
        say("Every code has a standard concept." if is_all else "No code without a standard concept is of what was asked for.")
        return
    lines = [
        {name: getattr(code, name) for name in ("source", "code_system", "code", "display", "domain_id", "named_by", "reason", "rows", "persons")}
        for code in codes[:limit]
    ]
    table("Codes without a standard concept", lines)
    if len(codes) > limit:
        hint(f"These are the first {limit} of {len(codes):,}; --limit shows more.")


def show_suggested(suggested: Suggested) -> None:
    """Show what was suggested, and what to do with it."""
    say(
        f"{_count(suggested.codes, 'code')} in {suggested.file}: {suggested.with_candidates:,} with candidates, "
        f"{suggested.by_code:,} of them by their code in another vocabulary."
    )
    hint("Review it in a spreadsheet or in Usagi (set mappingStatus to APPROVED), then: plait map apply FILE")


def show_applied(applied: Applied, where: str, *, runs: bool) -> None:
    """Show what came of a review file, and what is next."""
    for notice in applied.notices:
        hint(f"warning: {notice}")
    waiting = ", ".join(f"{count:,} {status}" for status, count in applied.waiting.items())
    say(
        f"{_count(applied.approved, 'code')} approved: {applied.added:,} new, {applied.changed:,} changed, {applied.unchanged:,} as before"
        f"{f'; lines left: {waiting}' if waiting else ''}."
    )
    verb = "gets" if applied.codes == 1 else "get"
    say(f"{_count(applied.codes, 'code')} {verb} another meaning: {_count(applied.rows, 'row')} of {_count(applied.persons, 'person')}.")
    if applied.dry_run:
        hint("Nothing was written.")
    elif applied.codes and not runs:
        hint(f"The CDM has them after: plait etl run{where}")


def show_release_difference(found: ReleaseDifference, limit: int) -> None:
    """Show what another vocabulary release would change."""
    verb = "changes" if len(found.changes) == 1 else "change"
    say(f"From {found.before or '(release unknown)'} to {found.after or '(release unknown)'}: {len(found.changes):,} of {_count(found.codes, 'code')} {verb}.")
    for warning in found.warnings:
        hint(f"warning: {warning}")
    if found.sums:
        say()
        table("By kind", [{"kind": one.kind, "codes": one.codes, "rows": one.rows, "persons": one.persons, "meaning": one.meaning} for one in found.sums])
        say()
        table("Codes, most rows first", [_code_change(change) for change in found.changes[:limit]])
    if len(found.changes) > limit:
        hint(f"These are the first {limit} codes of {len(found.changes):,}; --limit shows more.")
    say()
    say(f"A run with it computes {_count(found.persons, 'person')} anew; {_count(found.rows, 'row')} of theirs name a code that changes.")


def _code_change(change: CodeChange) -> dict[str, Any]:
    """Give a changed code as a row of a table."""
    tables = "" if change.tables_before == change.tables_after else f"{', '.join(change.tables_before)} → {', '.join(change.tables_after)}"
    return {
        "code_system": change.code_system,
        "code": change.code,
        "display": change.display,
        "kind": change.kind,
        "from": "; ".join(f"{concept} {name}" for concept, name in zip_longest(change.concepts_before, change.names_before, fillvalue="")) or "0",
        "to": "; ".join(f"{concept} {name}" for concept, name in zip_longest(change.concepts_after, change.names_after, fillvalue="")) or "0",
        "table": tables,
        "rows": change.rows,
        "persons": change.persons,
    }
