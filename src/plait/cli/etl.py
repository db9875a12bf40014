"""`plait etl …`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plait.cli.options import (
    HERE,
    DryRunOption,
    FullOption,
    JsonOption,
    MemoryOption,
    ProcessesOption,
    QuietOption,
    RehashOption,
    StudyOption,
    ThreadsOption,
    show,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from plait.etl.executor import LocalExecutor
    from plait.etl.pipeline import RunReport

app = typer.Typer(help="Run the ETL, see what became of every record.", no_args_is_help=True, rich_markup_mode=None)


@app.command("run")
def etl_run(
    study: StudyOption = HERE,
    threads: ThreadsOption = None,
    memory: MemoryOption = None,
    rehash: RehashOption = False,
    full: FullOption = False,
    dry_run: DryRunOption = False,
    processes: ProcessesOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Bring the CDM up to date with the source files.

    Every record is accounted for; persons whose records are unchanged stay as they are, and on unchanged files
    nothing is written. A run that was stopped is taken up where it was.

    Example: plait etl run -s lung --threads 4 --memory 8GiB
    """
    run_and_show(study, threads, memory, rehash=rehash, full=full, dry_run=dry_run, processes=processes, json=json, quiet=quiet)


@app.command("status")
def etl_status(study: StudyOption = HERE, json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Show what became of every record and column.

    Example: plait etl status -s lung
    """
    from plait import console
    from plait.study import open_study

    show(open_study(study).status(), console.show_status, json=json, quiet=quiet)


@app.command("rejects")
def etl_rejects(
    study: StudyOption = HERE,
    reason: Annotated[str | None, typer.Option(help="Only records rejected for this reason.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """List rejected records: where, why, and their text.

    Example: plait etl rejects --reason unknown_person --limit 5
    """
    from plait import console
    from plait.study import open_study

    show(open_study(study).rejects(reason=reason, limit=limit), lambda rows: console.show_rejects(rows, reason, limit), json=json, quiet=quiet)


@app.command("trace")
def etl_trace(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table of the CDM, or 'absence'.")],
    row_id: Annotated[int, typer.Argument(metavar="ID", help="The id of one of its rows.")],
    study: StudyOption = HERE,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show the records, mapping and run behind a row of the CDM, or of plait.absence.

    Example: plait etl trace condition_occurrence 4194304
    """
    from plait import console
    from plait.study import open_study

    show(open_study(study).trace(table, row_id), console.show_trace, json=json, quiet=quiet)


def run_and_show(folder: Path, threads: int | None, memory: str | None, *, json: bool, quiet: bool, processes: bool = False, **options: bool) -> None:
    """Run the ETL and show what it did."""
    from plait import console
    from plait.study import open_study

    executor: LocalExecutor = "processes" if processes else "threads"
    with console.progress(quiet=quiet or json) as listen:
        report = open_study(folder).run_etl(threads=threads, memory=memory, executor=executor, progress=listen, **options)
    show(report, show_run(folder), json=json, quiet=quiet)


def show_run(folder: Path) -> Callable[[RunReport], None]:
    """Give a function that shows what a run did, and where to read on."""
    from plait import console

    def show_and_hint(report: RunReport) -> None:
        console.show_report(report)
        if any(entry.rejected for entry in report.entries) and not report.dry_run:
            console.hint(f"Which records were rejected, and why: plait etl rejects{'' if folder == HERE else f' -s {folder}'}")

    return show_and_hint
