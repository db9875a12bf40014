"""Commands on a study as a whole: `plait demo`, `init`, `run`, `digest`, `gc`, `publish`."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from plait.cli.etl import show_run
from plait.cli.options import HERE, JsonOption, MemoryOption, ProcessesOption, QuietOption, StudyOption, ThreadsOption, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from plait.etl.gc import Collected
    from plait.etl.pipeline import RunReport
    from plait.etl.publish import PublishReport
    from plait.study import Study

app = typer.Typer()


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the demo study.")],
    ehr: Annotated[Literal["synthea", "fhir"], typer.Option("--ehr", help="How its health records come: as Synthea's CSV files, or as FHIR.")] = "synthea",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a synthetic study and run everything on it.

    200 made-up cancer patients: Synthea CSV, notes, variants of two gene panels, RNA, CT and slides, with faults to find.

    Example: plait demo demo-study
    """
    from plait import console
    from plait.cli import etl_tables
    from plait.demo import write_demo
    from plait.study import open_study

    _no_other_study(folder, ehr)
    facts = write_demo(folder, ehr=ehr)
    study = open_study(folder)
    done = _do_everything(study, etl_tables.show_report, json=json, quiet=quiet)
    if json:
        console.say(console.as_json({"facts": facts, **done}))
    elif not quiet:
        for part in facts.left_out:
            console.hint(f"\nLeft out: {part}.")
        console.hint(f"\nA study of {facts.persons} made-up patients stands in {folder}. Next, try:")
        program = _program()
        where = shlex.quote(str(folder))
        for line in (
            f"{program} etl status -s {where}",
            f"{program} etl rejects -s {where}",
            f"{program} etl trace condition_occurrence {_first_condition(study)} -s {where}",
            f"{program} report -s {where}",
            f"{program} features get cancer -s {where} -o {shlex.quote(f'{folder}/snapshots/cancer')}",
            f"duckdb -readonly {shlex.quote(f'{folder}/warehouse/study.duckdb')}",
            f"{program} export omop shared-cdm -s {where} --row-level",
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
        console.hint(f"Say in {folder}/plait.yaml what to read, then: plait run -s {shlex.quote(str(folder))}")


@app.command()
def run(
    study: StudyOption = HERE,
    threads: ThreadsOption = None,
    memory: MemoryOption = None,
    processes: ProcessesOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Do every configured step, only what changed.

    Example: plait run -s lung
    """
    from plait import console
    from plait.study import open_study

    done = _do_everything(
        open_study(study), show_run(study), json=json, quiet=quiet, threads=threads, memory=memory, executor="processes" if processes else "threads"
    )
    if json:
        console.say(console.as_json(done))


@app.command()
def digest(study: StudyOption = HERE, json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Print a digest of what the study holds.

    It is the same for the same input, whatever the shards, threads and runs; --json gives one per table.

    Example: plait digest -s lung
    """
    from plait import console
    from plait.study import open_study

    show(open_study(study).digest(), lambda digests: console.say(digests["study"]), json=json, quiet=quiet)


@app.command()
def gc(
    study: StudyOption = HERE,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest versions stay.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and remove nothing.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Remove old versions and files that only they need.

    What is younger than a day stays.

    Example: plait gc -s lung --keep 7
    """
    from plait.study import open_study

    show(open_study(study).collect_garbage(keep=keep, dry_run=dry_run), _show_collected, json=json, quiet=quiet)


@app.command()
def publish(
    url: Annotated[str, typer.Argument(metavar="URL", help="postgresql+psycopg://USER@HOST:PORT/DATABASE; a ${VARIABLE} in it is replaced.")],
    study: StudyOption = HERE,
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
    show(report, _show_publication, json=json, quiet=quiet)


def _do_everything(study: Study, show_report: Callable[[RunReport], None], *, json: bool, quiet: bool, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - what a run takes
    """Take every configured step, showing each as it ends unless all is told as JSON, and give what each of them did."""
    from plait import console
    from plait.cli import feature_tables

    with console.progress(quiet=quiet or json) as listen:
        report = study.run_etl(progress=listen, **options)
    if not (json or quiet):
        show_report(report)
    with console.progress(quiet=quiet or json) as listen:
        embedded = study.embed(progress=listen)
    if any(view.written for view in embedded) and not (json or quiet):
        console.say()
        feature_tables.show_embedded(embedded)
    return {"report": report, "embedded": embedded}


def _no_other_study(folder: Path, ehr: str) -> None:
    """Fail where the demo's files would stand among, or replace, those of somebody else, or of a demo whose records come in another way."""
    from plait.demo import is_begun
    from plait.errors import ConfigError
    from plait.settings import SETTINGS_FILE, read_settings
    from plait.workfolder import need_place

    need_place(folder)
    if is_begun(folder) or not folder.exists() or not any(folder.iterdir()):
        return
    expected, todo = "a new folder, or an earlier demo", "Name another one."
    if not (folder / SETTINGS_FILE).exists():
        raise ConfigError(folder, expected=expected, got="a folder with other files", todo=todo)
    settings = read_settings(folder)
    if settings.study != "demo":
        raise ConfigError(folder, expected=expected, got="another study, whose files it might replace", todo=todo)
    if (ehr == "fhir") != any(source.kind == "fhir" for source in settings.sources):
        raise ConfigError(folder, expected=f"a new folder, or an earlier demo of --ehr {ehr}", got="a demo whose records come in another way", todo=todo)


def _program() -> str:
    """Give how this program is called, for lines that somebody copies into a shell."""
    if shutil.which("plait"):
        return "plait"
    called = Path(sys.argv[0])
    return f"{shlex.quote(sys.executable)} -m plait" if called.name == "__main__.py" else shlex.quote(str(called))


def _first_condition(study: Study) -> int:
    """Give the id of a condition to trace, for the last line of the demo."""
    row = study.connect().execute("SELECT min(condition_occurrence_id) FROM cdm.condition_occurrence").fetchone()
    return int(row[0]) if row else 0


def _show_collected(collected: Collected) -> None:
    """Show what was removed."""
    from plait import console

    gone = f"versions {', '.join(map(str, collected.versions))}" if collected.versions else "no version"
    console.say(f"Removed {gone}, {collected.files:,} files, {collected.size_bytes / 1e6:,.1f} MB.")


def _show_publication(report: PublishReport) -> None:
    """Show what was published, and which keys do not hold."""
    from plait import console

    console.table("Rows", [{"table": rows.table, "study": rows.study, "database": rows.database} for rows in report.tables if rows.study])
    left_out = [
        {
            "column": f"{key.table}.{key.column}",
            "points at": key.references,
            "rows": key.rows,
            "missing": key.missing,
            "first": ", ".join(map(str, key.first)) + (", …" if key.first and key.missing > len(key.first) else ""),
        }
        for key in report.keys_left_out
    ]
    if left_out:
        console.say()
        console.table("Foreign keys left out: the values are missing where they point at", left_out)
    console.say()
    console.say(
        f"{'Replaced' if report.replaced else 'Made'} schema {report.schema} in {report.database}: version {report.version}, "
        f"{sum(rows.database for rows in report.tables):,} rows, {report.primary_keys} primary keys, {report.foreign_keys} foreign keys "
        f"({len(left_out)} left out), {report.indices} indices."
    )
    for name in report.put_aside:
        console.hint(
            f"warning: schema {name} holds an earlier publication that is still in use; the next `plait publish` removes it, or DROP SCHEMA {name} CASCADE."
        )
