"""Options that commands share, and how they print."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

StudyOption = Annotated[Path, typer.Option("-s", "--study", metavar="DIR", help="The study's folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]
ThreadsOption = Annotated[int | None, typer.Option("--threads", min=1, help="Threads to use; all cores if left out.")]
MemoryOption = Annotated[str | None, typer.Option("--memory", metavar="SIZE", help="Memory limit, such as 4GiB; half of the machine if left out.")]
RehashOption = Annotated[bool, typer.Option("--rehash", help="Read files whose size and time are unchanged, too.")]
FullOption = Annotated[bool, typer.Option("--full", help="Compute everybody anew, not only persons whose records changed.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would change, by table, and commit nothing.")]
ProcessesOption = Annotated[bool, typer.Option("--processes", help="Read notes and do shards in processes of their own, not in threads.")]
HERE = Path()
"""The study in the current folder."""


def in_study(folder: Path) -> str:
    """Give the option that names a study, as it is typed into a shell; nothing for the one in the current folder."""
    return "" if folder == HERE else f" -s {shlex.quote(str(folder))}"


def show(data: Any, show: Any, *, json: bool, quiet: bool) -> None:  # noqa: ANN401 - anything a command gives back
    """Print data as JSON or as its table."""
    from plait import console

    if json:
        console.say(console.as_json(data))
    elif not quiet:
        show(data)
