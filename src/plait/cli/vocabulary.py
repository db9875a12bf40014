"""`plait vocabulary …`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plait.cli.options import HERE, JsonOption, QuietOption, StudyOption, show

if TYPE_CHECKING:
    from plait.etl.vocabulary import Release

app = typer.Typer(help="Load an Athena download, see what is in it, and what another one would change.", no_args_is_help=True, rich_markup_mode=None)


@app.command("load")
def vocabulary_load(
    athena: Annotated[Path | None, typer.Argument(metavar="[ATHENA]", help="Folder of an Athena download; plait.yaml's if left out.")] = None,
    study: StudyOption = HERE,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Load an Athena download, and say what is missing in it.

    Example: plait vocabulary load ~/athena -s lung
    """
    from plait.study import open_study

    release = open_study(study).load_vocabulary(athena)
    show(release, _show_release, json=json, quiet=quiet)


@app.command("diff")
def vocabulary_diff(
    athena: Annotated[Path, typer.Argument(metavar="ATHENA", help="Folder of another Athena download.")],
    study: StudyOption = HERE,
    kind: Annotated[str | None, typer.Option("--kind", metavar="NAME", help="Only changes of this kind, such as retired.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many codes.")] = 50,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Say what another release would change in the study.

    That is: which codes lose their concept, get another one or move to another table, and how many rows and persons each touches. Nothing is
    changed by it. The next `plait etl run` after plait.yaml names the release computes just these persons anew.

    Example: plait vocabulary diff ~/athena-2026 -s lung
    """
    from plait.cli import map_tables
    from plait.study import open_study

    found = open_study(study).mappings.release(athena)
    if kind is not None:
        found = replace(found, changes=[change for change in found.changes if change.kind == kind])
    show(found, lambda difference: map_tables.show_release_difference(difference, limit), json=json, quiet=quiet)


@app.command("info")
def vocabulary_info(study: StudyOption = HERE, json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Say what is in the study's vocabulary.

    Example: plait vocabulary info --json
    """
    from plait.study import open_study

    show(open_study(study).vocabulary(), _show_release, json=json, quiet=quiet)


def _show_release(release: Release) -> None:
    """Show what a vocabulary release holds, and what its gaps mean."""
    from plait import console

    console.say(f"Vocabulary {release.release or '(release unknown)'}, {release.digest}")
    console.table("Tables", [{"table": name, "rows": count} for name, count in release.rows.items()])
    console.say()
    console.table("Vocabularies", [entry._asdict() for entry in release.vocabularies if entry.concepts])
    for warning in release.warnings:
        console.hint(f"warning: {warning}")
