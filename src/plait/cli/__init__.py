"""`plait`: a thin command line over the library: parse, call, print.

Data goes to stdout, everything else to stderr. Exit 0 done, 1 the data failed, 2 wrong usage or settings.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from plait.cli import embed, etl, export, features, forget, images, map, report, study, validate, vocabulary  # noqa: A004 - the word of the command
from plait.errors import PlaitError

app = typer.Typer(
    name="plait",
    help="Braid one patient's codes, notes, omics and images into one trusted table.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(study.app)
app.add_typer(validate.app)
app.add_typer(report.app)
app.add_typer(forget.app)
app.add_typer(embed.app)
app.add_typer(images.app)
app.add_typer(vocabulary.app, name="vocabulary")
app.add_typer(etl.app, name="etl")
app.add_typer(map.app, name="map")
app.add_typer(features.app, name="features")
app.add_typer(export.app, name="export")


_OBJECTS = 200_000
"""Objects after which Python looks for those in cycles: what is imported is many, and stays."""
_STOPPED = 130
"""The shell's exit code for Ctrl-C."""


def _version(value: bool) -> None:  # noqa: FBT001 - typer's callback
    if value:
        from plait import __version__

        typer.echo(f"plait {__version__}")
        raise typer.Exit


@app.callback()
def _main(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False) -> None:
    """Braid one patient's codes, notes, omics and images into one trusted table."""
    del version


def _stopped() -> NoReturn:
    """Say that the user stopped the command, and end with the shell's code for it."""
    sys.stderr.write("plait: stopped; nothing half-written, the last version stands\n")
    sys.exit(_STOPPED)


def main() -> None:
    """Run the command line; plait's own errors become one message and an exit code."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # to look for some takes longer than most settings do
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)  # what is left at the end goes with the process
    try:
        app()
    except PlaitError as error:
        sys.stderr.write(f"plait: {error}\n")
        sys.exit(error.exit_code)
    except SystemExit as left:
        if left.code == _STOPPED:  # what typer makes of Ctrl-C
            _stopped()
        raise
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        if isinstance(error, RuntimeError) and "interrupted" in str(error).lower():  # DuckDB's word for Ctrl-C within a query
            _stopped()
        if os.environ.get("PLAIT_DEBUG"):
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        sys.stderr.write(
            f"plait: unexpected {type(error).__name__} in {Path(place.filename).name}, line {place.lineno}; the last version that was committed stands. "
            "PLAIT_DEBUG=1 shows the traceback, which may show data of patients.\n"
        )
        sys.exit(1)
