"""`plait embed`."""

from __future__ import annotations

from typing import Annotated

import typer

from plait.cli.options import HERE, JsonOption, QuietOption, StudyOption, show

app = typer.Typer()


@app.command()
def embed(
    views: Annotated[list[str] | None, typer.Argument(metavar="[VIEW]…", help="Views of plait.yaml; all whose items are encoded, if left out.")] = None,
    study: StudyOption = HERE,
    retry: Annotated[bool, typer.Option("--retry", help="Try again what failed before.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Encode notes, images and slides that have no embedding yet.

    An item is encoded once for each encoder, by its content. What fails is kept with its reason, and the others go on; a run that was stopped is taken up
    where it was.

    Example: plait embed notes -s lung
    """
    from plait import console
    from plait.cli import feature_tables
    from plait.study import open_study

    with console.progress(quiet=quiet or json) as listen:
        found = open_study(study).embed(views or None, retry=retry, progress=listen)
    show(found, feature_tables.show_embedded, json=json, quiet=quiet)
