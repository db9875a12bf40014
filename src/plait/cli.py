"""`plait`: a thin command line over the library: parse, call, print.

Data goes to stdout, everything else to stderr. Exit 0 done, 1 the data failed, 2 wrong usage or settings.
"""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from plait.errors import PlaitError

app = typer.Typer(
    name="plait",
    help="Braid one patient's codes, notes, omics and images into one trusted table.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
vocabulary_app = typer.Typer(help="Load an Athena download, see what is in it.", no_args_is_help=True, rich_markup_mode=None)
etl_app = typer.Typer(help="Run the ETL, see what became of every record.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(vocabulary_app, name="vocabulary")
app.add_typer(etl_app, name="etl")

StudyOption = Annotated[Path, typer.Option("-s", "--study", metavar="DIR", help="The study's folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]
ThreadsOption = Annotated[int | None, typer.Option("--threads", min=1, help="Threads to use; all cores if left out.")]
MemoryOption = Annotated[str | None, typer.Option("--memory", metavar="SIZE", help="Memory limit, such as 4GiB; half of the machine if left out.")]
RehashOption = Annotated[bool, typer.Option("--rehash", help="Read files whose size and time are unchanged, too.")]
FullOption = Annotated[bool, typer.Option("--full", help="Compute everybody anew, not only persons whose records changed.")]
_HERE = Path()


def _version(value: bool) -> None:  # noqa: FBT001 - typer's callback
    if value:
        from plait import __version__

        typer.echo(f"plait {__version__}")
        raise typer.Exit


@app.callback()
def _main(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False) -> None:
    """Braid one patient's codes, notes, omics and images into one trusted table."""
    del version


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the demo study.")], json: JsonOption = False, quiet: QuietOption = False
) -> None:
    """Write a synthetic study and run everything on it.

    200 made-up cancer patients as Synthea CSV and notes, with faults to find.

    Example: plait demo demo-study
    """
    from plait import console
    from plait.demo import write_demo
    from plait.study import open_study

    _no_other_study(folder)
    facts = write_demo(folder)
    with console.progress(quiet=quiet or json) as listen:
        study = open_study(folder)
        report = study.run_etl(progress=listen)
    if json:
        console.say(console.as_json({"facts": facts, "report": report}))
    elif not quiet:
        console.show_report(report)
        console.hint(f"\nA study of {facts.persons} made-up patients stands in {folder}. Next, try:")
        program = "plait" if shutil.which("plait") else sys.argv[0]
        for line in (
            f"{program} etl status -s {folder}",
            f"{program} etl rejects -s {folder}",
            f"{program} etl trace condition_occurrence {_first_condition(study)} -s {folder}",
            f"duckdb -readonly {folder}/warehouse/study.duckdb",
        ):
            console.hint(f"  {line}")


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the study.")], json: JsonOption = False, quiet: QuietOption = False
) -> None:
    """Make a study: a folder with a first plait.yaml.

    The folder is readable by you alone (mode 0700).

    Example: plait init lung && $EDITOR lung/plait.yaml && plait run -s lung
    """
    from plait import console
    from plait.study import init_study

    study = init_study(folder)
    if json:
        console.say(console.as_json({"study": study.path}))
    elif not quiet:
        console.say(f"Made {folder}.")
        console.hint(f"Say in {folder}/plait.yaml what to read, then: plait run -s {folder}")


@app.command()
def run(study: StudyOption = _HERE, threads: ThreadsOption = None, memory: MemoryOption = None, json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Do every configured step, only what changed.

    Example: plait run -s lung
    """
    _etl(study, threads, memory, json=json, quiet=quiet)


@app.command()
def digest(study: StudyOption = _HERE, json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Print a digest of what the study holds.

    It is the same for the same input, whatever the shards, threads and runs; --json gives one per table.

    Example: plait digest -s lung
    """
    from plait import console
    from plait.study import open_study

    _show(open_study(study).digest(), lambda digests: console.say(digests["study"]), json=json, quiet=quiet)


@app.command()
def gc(
    study: StudyOption = _HERE,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest versions stay.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and remove nothing.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Remove old versions and files that only they need.

    What is younger than a day stays.

    Example: plait gc -s lung --keep 7
    """
    from plait import console
    from plait.study import open_study

    _show(open_study(study).collect_garbage(keep=keep, dry_run=dry_run), console.show_collected, json=json, quiet=quiet)


@app.command()
def publish(
    url: Annotated[str, typer.Argument(metavar="URL", help="postgresql+psycopg://USER@HOST:PORT/DATABASE; a ${VARIABLE} in it is replaced.")],
    study: StudyOption = _HERE,
    schema: Annotated[str, typer.Option(metavar="NAME", help="The schema in the database.")] = "cdm",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write the CDM into PostgreSQL, with keys and indices.

    What was published before is replaced all at once. The password comes from PGPASSWORD, ~/.pgpass or a ${VARIABLE} in the URL.

    Example: plait publish 'postgresql+psycopg://etl@db.example.org:5432/omop' -s lung
    """
    from plait import console
    from plait.study import open_study

    with console.progress(quiet=quiet or json) as listen:
        report = open_study(study).publish(url, schema=schema, progress=listen)
    _show(report, console.show_publication, json=json, quiet=quiet)


@vocabulary_app.command("load")
def vocabulary_load(
    athena: Annotated[Path | None, typer.Argument(metavar="[ATHENA]", help="Folder of an Athena download; plait.yaml's if left out.")] = None,
    study: StudyOption = _HERE,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Load an Athena download, and say what is missing in it.

    Example: plait vocabulary load ~/athena -s lung
    """
    from plait import console
    from plait.study import open_study

    release = open_study(study).load_vocabulary(athena)
    _show(release, console.show_release, json=json, quiet=quiet)


@vocabulary_app.command("info")
def vocabulary_info(study: StudyOption = _HERE, json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Say what is in the study's vocabulary.

    Example: plait vocabulary info --json
    """
    from plait import console
    from plait.study import open_study

    _show(open_study(study).vocabulary(), console.show_release, json=json, quiet=quiet)


@etl_app.command("run")
def etl_run(
    study: StudyOption = _HERE,
    threads: ThreadsOption = None,
    memory: MemoryOption = None,
    rehash: RehashOption = False,
    full: FullOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Bring the CDM up to date with the source files.

    Every record is accounted for; persons whose records are unchanged stay as they are, and on unchanged files
    nothing is written.

    Example: plait etl run -s lung --threads 4 --memory 8GiB
    """
    _etl(study, threads, memory, rehash=rehash, full=full, json=json, quiet=quiet)


@etl_app.command("status")
def etl_status(study: StudyOption = _HERE, json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Show what became of every record and column.

    Example: plait etl status -s lung
    """
    from plait import console
    from plait.study import open_study

    _show(open_study(study).status(), console.show_status, json=json, quiet=quiet)


@etl_app.command("rejects")
def etl_rejects(
    study: StudyOption = _HERE,
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

    _show(open_study(study).rejects(reason=reason, limit=limit), lambda rows: console.show_rejects(rows, reason, limit), json=json, quiet=quiet)


@etl_app.command("trace")
def etl_trace(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table of the CDM.")],
    row_id: Annotated[int, typer.Argument(metavar="ID", help="The id of one of its rows.")],
    study: StudyOption = _HERE,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show the records, mapping and run behind a CDM row.

    Example: plait etl trace condition_occurrence 4194304
    """
    from plait import console
    from plait.study import open_study

    _show(open_study(study).trace(table, row_id), console.show_trace, json=json, quiet=quiet)


def _etl(folder: Path, threads: int | None, memory: str | None, *, rehash: bool = False, full: bool = False, json: bool, quiet: bool) -> None:
    """Run the ETL and show what it did."""
    from plait import console
    from plait.study import open_study

    with console.progress(quiet=quiet or json) as listen:
        report = open_study(folder).run_etl(threads=threads, memory=memory, rehash=rehash, full=full, progress=listen)
    _show(report, console.show_report, json=json, quiet=quiet)
    if any(entry.rejected for entry in report.entries) and not (json or quiet):
        console.hint(f"Which records were rejected, and why: plait etl rejects{'' if folder == _HERE else f' -s {folder}'}")


def _show(data: Any, show: Any, *, json: bool, quiet: bool) -> None:  # noqa: ANN401 - anything a command gives back
    """Print data as JSON or as its table."""
    from plait import console

    if json:
        console.say(console.as_json(data))
    elif not quiet:
        show(data)


def _no_other_study(folder: Path) -> None:
    """Fail where the demo's files would replace those of a study of another name."""
    from plait.errors import ConfigError
    from plait.settings import SETTINGS_FILE, read_settings

    if (folder / SETTINGS_FILE).exists() and read_settings(folder).study != "demo":
        raise ConfigError(folder, expected="a new folder, or an earlier demo", got="another study, whose files it might replace", todo="Name another one.")


def _first_condition(study: Any) -> int:  # noqa: ANN401 - a Study, imported where it is used
    """Give the id of a condition to trace, for the last line of the demo."""
    row = study.connect().execute("SELECT min(condition_occurrence_id) FROM cdm.condition_occurrence").fetchone()
    return int(row[0])


def _stopped() -> NoReturn:
    """Say that the user stopped the command, and end with the shell's code for it."""
    sys.stderr.write("plait: stopped; nothing half-written, the last version stands\n")
    sys.exit(130)


def main() -> None:
    """Run the command line; plait's own errors become one message and an exit code."""
    try:
        app()
    except PlaitError as error:
        sys.stderr.write(f"plait: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _stopped()
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
