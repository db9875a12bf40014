"""Commands on the feature store: `plait features diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plait.cli.options import JsonOption, QuietOption, show

app = typer.Typer(help="Features of patients at a moment: what there is, and what changed.", no_args_is_help=True)


@app.command()
def diff(
    first: Annotated[Path, typer.Argument(metavar="A", help="A snapshot.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another one.")],
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Say what differs between two snapshots: rows, views, features, values and reasons, encoders and versions.

    Both are checked first, file by file.

    Example: plait features diff snapshots/nsclc-v1 snapshots/nsclc-v2
    """
    from plait import console
    from plait.featurestore.compare import compare_snapshots

    found = compare_snapshots(first, second)
    show(found.as_dict() if json else found, console.show_difference, json=json, quiet=quiet)
