"""Commands that let data leave a study: `plait export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from plait.cli.options import HERE, JsonOption, MemoryOption, QuietOption, StudyOption, ThreadsOption, show

if TYPE_CHECKING:
    from plait.export.check.run import Checked
    from plait.export.fair.package import Packaged
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


@app.command()
def fair(
    out: TargetArgument,
    study: StudyOption = HERE,
    row_level: RowLevelOption = False,
    snapshots: Annotated[
        list[str] | None, typer.Option("--snapshot", metavar="NAME", help="A snapshot below snapshots/ that goes along; may be given again.")
    ] = None,
    key: KeyOption = None,
    zipped: Annotated[bool, typer.Option("--zip", help="Make one zip file of it.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a package that others can find, open and trust.

    Tables, their metadata as Croissant, RO-Crate and Frictionless, what the checks found, and the hashes of all. Without --row-level, figures of
    enough persons and tables without rows. Nothing is written while a check of severity error fails, or where something would identify.

    Example: plait export fair shared/lung -s lung --row-level --snapshot cancer-v1
    """
    from plait import console
    from plait.study import open_study

    with console.progress(quiet=quiet or json) as listen:
        done = open_study(study).export_fair(out, row_level=row_level, snapshots=snapshots or (), key=key, zipped=zipped, progress=listen)
    show(done, _show_packaged, json=json, quiet=quiet)


@app.command()
def check(
    package: Annotated[Path, typer.Argument(metavar="OUT", help="A package: a folder or a zip file.")],
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Say what is FAIR of a package.

    Each of the principles F1 to R1.3 with what was tested and what was found, offline: what only the web can tell is not tested here. Whoever
    wrote the package, its metadata may be Croissant, RO-Crate or Frictionless. Exit code 1 says that a test fails that is required.

    Example: plait export check shared/lung
    """
    from plait.export.check.run import check_package

    done = check_package(package)
    show(done, _show_checked, json=json, quiet=quiet)
    if not done.is_fair:
        raise typer.Exit(1)


def _show_checked(done: Checked) -> None:
    from plait import console

    rows = [{"principle": one.principle, "tested": one.asks, "level": one.level, "result": one.result, "why": one.why} for one in done.tests]
    console.table(f"{done.path}", rows)
    counted = [(result, sum(one.result == result for one in done.tests)) for result in ("pass", "fail", "not applicable", "not tested here")]
    console.say("\n" + ", ".join(f"{result}: {count}" for result, count in counted) + ".")


def _show_packaged(done: Packaged) -> None:
    from plait import console

    rows = [{"table": name, "rows": rows} for name, rows in done.tables.items()]
    console.table(f"Version {done.version}, {'rows of' if done.is_row_level else 'figures about'} {done.persons:,} persons, in {done.path}", rows)
    _show_end(done)


def _show_end(done: Exported | Packaged) -> None:
    """Say who was left out, and what became of the key."""
    from plait import console

    if done.left_out:
        console.say(f"\nLeft out: {done.left_out:,} persons who withhold something.")
    console.say(f"\nKey: {_told(done.key)}.")


def _told(key: str | None) -> str:
    return f"kept in private/ as {key}" if key else "thrown away: nobody can undo this export"


def _show_exported(done: Exported) -> None:
    from plait import console

    console.table(
        f"Version {done.version}, {done.persons:,} persons, in {done.path}", [{"table": name, "rows": rows} for name, rows in done.tables.items() if rows]
    )
    if done.withheld:
        console.say(f"\nWithheld: {', '.join(done.withheld)}.")
    _show_end(done)
