"""The command that takes persons out of a study: `plait forget`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plait.cli.options import HERE, JsonOption, QuietOption, StudyOption

if TYPE_CHECKING:
    from plait.erasure.forget import Forgotten

app = typer.Typer()

_FEW = 20
"""Places that are shown of those where something is left."""


@app.command()
def forget(
    persons: Annotated[list[str] | None, typer.Argument(metavar="PERSON", help="A person_id, or SYSTEM=IDENTIFIER as the source has it.")] = None,
    study: StudyOption = HERE,
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="A file with a person a line.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing, and say where there is something of them.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Take persons out of everything that a study holds, for good.

    All versions, embeddings, molecular files and snapshots are rewritten without them, old files go, and every file is looked through: exit code 1
    says that something is left. A keyed hash of each identifier stays, so that a reload does not bring them back. Files of sources are not touched.
    Without a name, a forgetting that was stopped is ended.

    Example: plait forget hospital=123456 -s lung --yes
    """
    from dataclasses import asdict

    from plait import console
    from plait.erasure.whom import read_names
    from plait.errors import ConfigError
    from plait.study import open_study

    names = [*(persons or []), *(read_names(file) if file is not None else [])]
    if names and not (yes or dry_run):
        if not sys.stdin.isatty():
            raise ConfigError("plait forget", expected="--yes", got="nobody who could be asked", todo="It cannot be undone: say --yes, or try --dry-run.")
        typer.confirm(f"Forget {len(names)} of the persons of {study} for good?", abort=True, err=True)
    with console.progress(quiet=quiet or json) as listen:
        done = open_study(study).forget(*names, dry_run=dry_run, progress=listen)
    if json:
        console.say(console.as_json([{**asdict(one), "is_proved": one.is_proved} for one in done]))
    elif not quiet:
        _show(done)
    if not all(one.is_proved for one in done):
        raise typer.Exit(1)


def _show(done: list[Forgotten]) -> None:
    from plait import console

    for one in done:
        if not (one.dry_run or one.again):
            _show_done(one)
        elif one.again:
            console.say(f"Forgotten before: {one.persons:,} persons.")
        if one.sources:
            console.table(
                "Their records are still in these files of sources, and are ignored when these are read",
                [{"source": held.source, "records": held.records, "file": held.path} for held in one.sources],
            )
        _show_left(one)


def _show_done(one: Forgotten) -> None:
    """Say what was rewritten."""
    from plait import console

    rows = [{"what": f"version {version.version}", "persons": version.persons, "rows": version.rows} for version in one.versions]
    rows += [{"what": f"embeddings {'/'.join(taken.path.parts[-2:])}", "persons": taken.persons, "rows": taken.rows} for taken in one.embeddings]
    rows += [{"what": f"snapshot {taken.path.name}", "persons": taken.persons, "rows": taken.rows} for taken in one.snapshots]
    console.table(f"Forgotten: {one.persons:,} persons", rows)
    for version in one.versions:
        if version.stale:
            console.say(f"\nRecords of theirs told of others, too: `plait etl run` computes these anew (version {version.version}).")
    for number in one.removed_versions:
        console.say(f"\nRemoved: version {number}, in which they were taken for one with somebody else.")
    for taken in one.snapshots:
        console.say(f"\nSnapshot {taken.path.name} has another id: {taken.now}.")
        if taken.is_fitted:
            console.say("What was fitted on it learnt of them, too: fit it anew.")
    console.say(f"\nRemoved: {one.files:,} old files, {one.size_bytes:,} bytes. A file system may keep what stood in them; copies elsewhere are yours to find.")


def _show_left(one: Forgotten) -> None:
    """Say what is left of them."""
    from plait import console

    if one.left:
        title = "There is" if one.dry_run else "LEFT"
        console.table(title, [{"kind": left.kind, "values": left.count, "place": left.place} for left in one.left[:_FEW]])
        if len(one.left) > _FEW:
            console.say(f"… and {len(one.left) - _FEW} places more (--json lists all).")
    elif not one.dry_run:
        console.say(f"\nLooked through: {one.scanned:,} files; nothing of them is left.")
    if not one.identifiers:
        console.say("Only numbers were looked for: what they were called is not known any more. Name SYSTEM=IDENTIFIER to look for that.")
