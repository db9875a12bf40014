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
    in_study,
    show,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plait.etl.executor import LocalExecutor
    from plait.etl.pipeline import RunReport

app = typer.Typer(help="Run the ETL, see what became of every record.", no_args_is_help=True, rich_markup_mode=None)


@app.command("run")
def etl_run(
    sources: Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Sources whose files are looked at; all if none is named.")] = None,
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
    nothing is written. A run that was stopped is taken up where it was. Where sources are named, the files of the
    others stand as they were read last.

    Example: plait etl run -s lung --threads 4 --memory 8GiB
    """
    options = {"rehash": rehash, "full": full, "dry_run": dry_run}
    run_and_show(study, threads, memory, json=json, quiet=quiet, processes=processes, sources=sources or (), **options)


@app.command("status")
def etl_status(study: StudyOption = HERE, json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Show what became of every record and column.

    Example: plait etl status -s lung
    """
    from plait.cli import etl_tables
    from plait.study import open_study

    show(open_study(study).status(), etl_tables.show_status, json=json, quiet=quiet)


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
    from plait.cli import etl_tables
    from plait.study import open_study

    show(open_study(study).rejects(reason=reason, limit=limit), lambda rows: etl_tables.show_rejects(rows, reason, limit), json=json, quiet=quiet)


@app.command("trace")
def etl_trace(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table of the CDM, or 'absence'.")],
    row_id: Annotated[int, typer.Argument(metavar="ID", help="The id of one of its rows.")],
    study: StudyOption = HERE,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show the records, mapping and run behind a row.

    Example: plait etl trace condition_occurrence 4194304
    """
    from plait.cli import etl_tables
    from plait.study import open_study

    show(open_study(study).trace(table, row_id), etl_tables.show_trace, json=json, quiet=quiet)


@app.command("new-source")
def etl_new_source(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder with raw files, or one file.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="DIR", help="The folder to write; sources/NAME of the study, if left out.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="What the source is called; as the folder PATH, if left out.")] = None,
    study: StudyOption = HERE,
    records: Annotated[int, typer.Option("--records", min=1, help="Records of each file to look at.")] = 1_000_000,
    values: Annotated[
        bool, typer.Option("--values", help="Write values that stand on 11 records or more, of columns that look like codes, as comments.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a folder that is there.")] = False,
    threads: ThreadsOption = None,
    memory: MemoryOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a first version of a source from raw files.

    Delimited text (also .gz) and Parquet: types, nulls, keys, formats of times, and code systems by the shape of their codes,
    or by look-up where the study has a vocabulary. Comments say what was guessed, and why. No value of a record is written
    or shown.

    Example: plait etl new-source data/emr -s lung
    """
    from plait import console
    from plait.cli import etl_tables
    from plait.etl.onboarding import new_source
    from plait.etl.profiling.new_source import ProfileOptions

    options = ProfileOptions(name=name, records=records, values=values, force=force, threads=threads, memory=memory)
    with console.progress(quiet=quiet or json) as listen:
        report = new_source(path, out, study=study, options=options, progress=listen)
    show(report, lambda found: etl_tables.show_new_source(found, study), json=json, quiet=quiet)


@app.command("check-source")
def etl_check_source(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The folder of a source, or the name of one in plait.yaml.")],
    data: Annotated[Path | None, typer.Argument(metavar="PATH", help="The files that it reads, where SOURCE is a folder.")] = None,
    study: StudyOption = HERE,
    first: Annotated[int, typer.Option("--first", min=0, help="Rejected records to show for each reason.")] = 3,
    show_values: Annotated[bool, typer.Option("--show-values", help="Show what rejected records say: patients' data.")] = False,
    threads: ThreadsOption = None,
    memory: MemoryOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run a source dry, and show what becomes of it.

    For each staged shape: rows, nulls, and the first records that are rejected; then columns and files that nobody reads, and, where
    the study has a vocabulary, how many codes have a standard concept. Nothing is written. Exit code 1 says that a record has
    no fate, or that a check of severity error fails that source.yaml asks for.

    Example: plait etl check-source sources/our_emr data/emr -s lung
    """
    from plait import console
    from plait.cli import etl_tables
    from plait.etl.onboarding import check_source

    with console.progress(quiet=quiet or json) as listen:
        found = check_source(source, data, study=study, first=first, show_values=show_values, threads=threads, memory=memory, progress=listen)
    show(found, etl_tables.show_source_tried, json=json, quiet=quiet)
    if not found.is_sound:
        raise typer.Exit(1)


def run_and_show(
    folder: Path,
    threads: int | None,
    memory: str | None,
    *,
    json: bool,
    quiet: bool,
    processes: bool = False,
    sources: Sequence[str] = (),
    **options: bool,
) -> None:
    """Run the ETL and show what it did."""
    from plait import console
    from plait.study import open_study

    executor: LocalExecutor = "processes" if processes else "threads"
    with console.progress(quiet=quiet or json) as listen:
        report = open_study(folder).run_etl(threads=threads, memory=memory, executor=executor, progress=listen, sources=sources, **options)
    show(report, show_run(folder), json=json, quiet=quiet)


def show_run(folder: Path) -> Callable[[RunReport], None]:
    """Give a function that shows what a run did, and where to read on."""
    from plait import console
    from plait.cli import etl_tables

    def show_and_hint(report: RunReport) -> None:
        etl_tables.show_report(report)
        if any(entry.rejected for entry in report.entries) and not report.dry_run:
            console.hint(f"Which records were rejected, and why: plait etl rejects{in_study(folder)}")

    return show_and_hint
