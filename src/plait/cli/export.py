"""Commands that let data leave a study: `plait export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from plait.cli.options import HERE, JsonOption, MemoryOption, QuietOption, StudyOption, ThreadsOption, show

if TYPE_CHECKING:
    from plait.export.omop import Exported

app = typer.Typer(help="Packages that others can use, and that give nobody away.", no_args_is_help=True)

TargetArgument = Annotated[Path, typer.Argument(metavar="OUT", help="A new folder.")]
RowLevelOption = Annotated[bool, typer.Option("--row-level", help="Let rows of patients leave, de-identified.")]
KeyOption = Annotated[
    str | None, typer.Option("--key", metavar="NAME", help="Keep the key in private/ under this name, or use the one that is there; thrown away if left out.")
]


@app.command()
def omop(
    out: TargetArgument,
    study: StudyOption = HERE,
    row_level: RowLevelOption = False,
    format: Annotated[Literal["parquet", "csv"], typer.Option("--format", help="What the tables are written as.")] = "parquet",  # noqa: A002 - the word for it
    key: KeyOption = None,
    threads: ThreadsOption = None,
    memory: MemoryOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write the CDM without what identifies.

    New ids, dates shifted by days that differ from person to person, texts withheld, rare words and places left out: each field is treated as
    the documentation lists it. Intervals stay.

    Example: plait export omop shared/lung -s lung --row-level
    """
    from plait import console
    from plait.study import open_study

    with console.progress(quiet=quiet or json) as listen:
        done = open_study(study).export_omop(out, row_level=row_level, format=format, key=key, threads=threads, memory=memory, progress=listen)
    show(done, _show_exported, json=json, quiet=quiet)


def _show_exported(done: Exported) -> None:
    from plait import console

    console.table(
        f"Version {done.version}, {done.persons:,} persons, in {done.path}", [{"table": name, "rows": rows} for name, rows in done.tables.items() if rows]
    )
    if done.withheld:
        console.say(f"\nWithheld: {', '.join(done.withheld)}.")
    console.say(f"\nKey: {f'kept in private/ as {done.key}' if done.key else 'thrown away: nobody can undo this export'}.")
