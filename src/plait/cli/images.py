"""Commands on images: `plait verify`."""

from __future__ import annotations

import typer

from plait.cli.options import HERE, JsonOption, QuietOption, RehashOption, StudyOption, ThreadsOption, show

app = typer.Typer()


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
    show(found, console.show_verified, json=json, quiet=quiet)
    for note in () if quiet or json else found.notes:
        console.hint(f"warning: not checked: {note}")
    if not found.is_whole:
        raise typer.Exit(1)
