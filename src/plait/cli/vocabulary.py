"""`plait vocabulary …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plait.cli.options import HERE, JsonOption, QuietOption, StudyOption, show

app = typer.Typer(help="Load an Athena download, see what is in it.", no_args_is_help=True, rich_markup_mode=None)


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
    from plait import console
    from plait.study import open_study

    release = open_study(study).load_vocabulary(athena)
    show(release, console.show_release, json=json, quiet=quiet)


@app.command("info")
def vocabulary_info(study: StudyOption = HERE, json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Say what is in the study's vocabulary.

    Example: plait vocabulary info --json
    """
    from plait import console
    from plait.study import open_study

    show(open_study(study).vocabulary(), console.show_release, json=json, quiet=quiet)
