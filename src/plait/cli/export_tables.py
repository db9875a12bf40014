"""What `plait export` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.console import say, table

if TYPE_CHECKING:
    from plait.export import mudata as as_mudata
    from plait.export.check.run import Checked
    from plait.export.fair.package import Packaged
    from plait.export.meds.dataset import MedsExported
    from plait.export.omop import Exported
    from plait.export.outgoing import Left
    from plait.export.phenopackets.export import Packets


def show_mudata(done: as_mudata.Exported) -> None:
    """Show which snapshots were written."""
    rows = [
        {"snapshot": one.name, "rows": one.rows, "of others": one.left_out, "views": len(one.views), "left out": len(one.dropped)} for one in done.snapshots
    ]
    table(f"Snapshots of version {done.version}, in {done.path}", rows)
    _show_end(done)


def show_packets(done: Packets) -> None:
    """Show where the rows of each table are told, or why they are not."""
    rows = [{"table": name, "told in": place or "", "not told": reason or "", "rows": count} for name, place, reason, count in done.rows]
    table(f"Version {done.version}, {done.persons:,} persons, in {done.path}", rows)
    _show_end(done)


def show_meds(done: MedsExported) -> None:
    """Show the events of each table, labels and splits."""
    rows = [{"table": name, "rows": done.rows.get(name), "events": events} for name, events in done.events.items()]
    table(f"Version {done.version}, {done.persons:,} persons, {done.codes:,} codes, in {done.path}", rows)
    for told, counts in (("Labels", done.labels), ("Splits", done.splits)):
        if counts:
            say(f"\n{told}: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()) + ".")
    _show_end(done)


def show_checked(done: Checked) -> None:
    """Show what was tested of each principle, and what was found."""
    rows = [{"principle": one.principle, "tested": one.asks, "level": one.level, "result": one.result, "why": one.why} for one in done.tests]
    table(f"{done.path}", rows)
    counted = [(result, sum(one.result == result for one in done.tests)) for result in ("pass", "fail", "not applicable", "not tested here")]
    say("\n" + ", ".join(f"{result}: {count}" for result, count in counted) + ".")


def show_packaged(done: Packaged) -> None:
    """Show the tables of a package, and what else is in it."""
    rows = [{"table": name, "rows": rows} for name, rows in done.tables.items()]
    table(f"Version {done.version}, {'rows of' if done.is_row_level else 'figures about'} {done.persons:,} persons, in {done.path}", rows)
    if done.assays:
        table(
            "\nAssays",
            [{"assay": one.assay, "rows": one.items, "of others": one.left_out, "left out": ", ".join(one.dropped)} for one in done.assays],
        )
    if done.images:
        say(f"\nImages: {done.images.files:,} files. {done.images.about}")
        for why, count in done.images.left_out.items():
            say(f"Left out: {count:,} files ({why}).")
    _show_end(done)


def _show_end(done: Left) -> None:
    """Say who was left out, and what became of the key."""
    if done.left_out:
        say(f"\nLeft out: {done.left_out:,} persons who withhold something.")
    if done.scrubbed is not None and done.scrubbed.notes:
        say(f"\nNotes: scrubbed, {done.scrubbed.changed:,} of {done.scrubbed.notes:,} changed; scrubbed.json tells by what rules.")
    if done.unread:
        say(f"\nNot looked for, since their files are gone: what {', '.join(done.unread)} say of persons.")
    say(f"\nKey: {_told(done.key)}.")


def _told(key: str | None) -> str:
    return f"kept in private/ as {key}" if key else "thrown away: nobody can undo this export"


def show_exported(done: Exported) -> None:
    """Show the tables of a CDM that leave."""
    table(f"Version {done.version}, {done.persons:,} persons, in {done.path}", [{"table": name, "rows": rows} for name, rows in done.tables.items() if rows])
    if done.withheld:
        say(f"\nWithheld: {', '.join(done.withheld)}.")
    _show_end(done)
