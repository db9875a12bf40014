"""Commands on images: `plait verify`, `show`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plait.cli.options import HERE, JsonOption, QuietOption, RehashOption, StudyOption, ThreadsOption, show

if TYPE_CHECKING:
    from plait.etl.images.verify import Verified

app = typer.Typer()

_PANES = {"slices": "slices", "frames": "frames", "slide": "views"}


@app.command()
def verify(
    study: StudyOption = HERE, threads: ThreadsOption = None, rehash: RehashOption = False, json: JsonOption = False, quiet: QuietOption = False
) -> None:
    """Check that the files of all images are still what they were.

    They are read once, and again where their size or time has changed; a check that was stopped is taken up where it was.
    Exit code 1 says that files are changed, missing or unreadable.

    Example: plait verify -s lung --threads 4
    """
    from plait import console
    from plait.study import open_study

    with console.progress(quiet=quiet or json) as listen:
        found = open_study(study).verify(rehash=rehash, threads=threads, progress=listen)
    show(found, _show_verified, json=json, quiet=quiet)
    for note in () if quiet or json else found.notes:
        console.hint(f"warning: not checked: {note}")
    if not found.is_whole:
        raise typer.Exit(1)


@app.command("show")
def show_picture(
    item: Annotated[str, typer.Argument(metavar="ITEM", help="An image_occurrence_id, the UID of a series, or the name of a slide.")],
    study: StudyOption = HERE,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where the picture goes (ITEM.png here, if left out).")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Draw an image as PNG, to see whether it is whose it should be.

    The three middle slices of a series, or a slide beside itself with its tissue outlined. The picture is of a patient.

    Example: plait show 4194304 -s lung -o scan.png
    """
    from plait import console
    from plait.study import open_study

    target = output or Path(f"{item.replace('/', '_')}.png")
    shown = open_study(study).show(item, target, force=force)
    show(shown, lambda found: console.say(f"Wrote {found.path}: {found.modality}, {found.panes} {_PANES[found.kind]}."), json=json, quiet=quiet)
    for note in () if quiet or json else shown.notes:
        console.hint(f"warning: {note}")


def _show_verified(found: Verified) -> None:
    """Show what became of the files of images, and the first of those that are not where or what they were."""
    from plait import console

    if not found.statuses:
        console.say("The study has no images.")
        return
    console.table("Files of images", [asdict(row) for row in found.statuses], columns=("status", "files", "size_bytes"))
    if found.files:
        console.say()
        console.table("Not where or what they were; the first of each", found.files, columns=("status", "source", "uri", "moved_to"))
