"""`plait validate`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from plait.cli.options import HERE, JsonOption, MemoryOption, QuietOption, StudyOption, ThreadsOption, show

if TYPE_CHECKING:
    from plait.validators.judge import Result
    from plait.validators.report import Validated

app = typer.Typer()

_MOST_FAILED = 30
"""Failed checks that are shown."""


@app.command()
def validate(
    checks: Annotated[
        list[str] | None, typer.Argument(metavar="CHECK", help="Checks to make: ids, types or tables, with * for what varies; all, if none.")
    ] = None,
    study: StudyOption = HERE,
    cdm: Annotated[
        str | None,
        typer.Option("--cdm", metavar="PATH", help="Check a CDM that is no study's: a folder of Parquet or CSV, a DuckDB file, or a database's URL."),
    ] = None,
    cdm_version: Annotated[str | None, typer.Option("--cdm-version", metavar="5.3|5.4", help="Its version; found out, if left out.")] = None,
    snapshot: Annotated[
        list[Path] | None, typer.Option("--snapshot", metavar="DIR", help="Check a snapshot that lies elsewhere, alone unless checks are named, too.")
    ] = None,
    rows: Annotated[str | None, typer.Option("--rows", metavar="CHECK", help="List the rows that offend one check, with their source records.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The most rows to list.")] = 20,
    today: Annotated[dt.datetime | None, typer.Option("--today", formats=["%Y-%m-%d"], metavar="DATE", help="The day that checks compare with.")] = None,
    dqd_json: Annotated[Path | None, typer.Option("--dqd-json", metavar="FILE", help="Write DataQualityDashboard's JSON, for its viewer.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML, for a build server.")] = None,
    gx: Annotated[
        bool | None, typer.Option("--gx/--no-gx", help="Write Great Expectations' Data Docs and run suites of your own; done, where it is installed.")
    ] = None,
    expectations: Annotated[
        Path | None, typer.Option("--expectations", metavar="DIR", help="The folder with suites of your own; the study's expectations/, if left out.")
    ] = None,
    python_suites: Annotated[bool, typer.Option("--python-suites", help="Run suites that are Python, too; only those that you trust.")] = False,
    data_docs: Annotated[
        Path | None, typer.Option("--data-docs", metavar="DIR", help="Write Data Docs there; the study's reports/expectations, if left out.")
    ] = None,
    show_values: Annotated[bool, typer.Option("--show-values", help="Let Data Docs show values that offend; they are of patients.")] = False,
    only_list: Annotated[bool, typer.Option("--list", help="List the checks, and make none.")] = False,
    threads: ThreadsOption = None,
    memory: MemoryOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check what the study holds, and say what failed first.

    Every check of OHDSI's DataQualityDashboard, with its thresholds or those in plait.yaml, and suites of Great Expectations of your
    own in expectations/. What all checks found is kept in plait.checks, and in Data Docs where Great Expectations is installed
    (pip install 'plait[quality]'). Exit code 1 says that a check of severity error failed.

    The CDM and the books, the embedding tables of views, and snapshots: CHECK may be cdm, embeddings, embeddings.VIEW, snapshots or
    snapshots.NAME.

    Example: plait validate -s lung --rows isForeignKey.death.person_id
    """
    from plait import console
    from plait.errors import ConfigError
    from plait.study import open_study
    from plait.validators.expectations.options import Options
    from plait.validators.validate import checks_of_cdm, offending_rows_of, validate_cdm

    if cdm and snapshot:
        raise ConfigError("--snapshot", expected="a study, whose snapshot it is", got="--cdm", todo="Leave one of both out.")
    day, elsewhere = today.date() if today else None, tuple(snapshot or ())
    asked = Options(gx, _folder(expectations), python_suites, data_docs, show_values)
    if only_list:
        listed = checks_of_cdm(checks or (), cdm_version) if cdm else open_study(study).checks(*checks or (), snapshots=elsewhere, expectations=asked)
        show(listed, _show_checks, json=json, quiet=quiet)
        return
    if rows:
        if cdm:
            found = offending_rows_of(cdm, rows, cdm_version=cdm_version, today=day, limit=limit, options=asked)
        else:
            found = open_study(study).offending(rows, today=day, limit=limit, snapshots=elsewhere, expectations=asked)
        show(found, lambda listed: _show_offending(listed, limit), json=json, quiet=quiet)
        return
    with console.progress(quiet=quiet or json) as listen:
        if cdm:
            report = validate_cdm(cdm, cdm_version=cdm_version, chosen=checks or (), today=day, threads=threads, memory=memory, options=asked, progress=listen)
        else:
            opened = open_study(study)
            report = opened.validate(*checks or (), today=day, threads=threads, memory=memory, snapshots=elsewhere, expectations=asked, progress=listen)
    _finish(report, dqd_json, junit, json=json, quiet=quiet)


def _folder(expectations: Path | None) -> Path | None:
    """Give the folder with suites, or say that there is none."""
    from plait.errors import ConfigError

    if expectations is not None and not expectations.is_dir():
        raise ConfigError(expectations, expected="a folder with suites", got="none", todo="Name one with files of JSON, such as person.mine.json.")
    return expectations


def _finish(report: Validated, dqd_file: Path | None, junit_file: Path | None, *, json: bool, quiet: bool) -> None:
    """Write the files that were asked for, show the report, and end with its exit code."""
    from plait import console
    from plait.validators.report import dqd_json, junit

    for file, text in ((dqd_file, dqd_json), (junit_file, junit)):
        if file is not None:
            _write(file, text(report))
    shown: Any = report.as_dict() if json else report
    show(shown, _show_validated, json=json, quiet=quiet)
    for note in () if quiet or json else report.notes:
        console.hint(f"warning: {note}")
    if not report.is_sound:
        raise typer.Exit(1)


def _write(file: Path, text: str) -> None:
    """Write a file, or say why it cannot be written."""
    from plait.errors import ConfigError, in_words

    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(file, expected="a file that can be written", got=in_words(error), todo="Name another one.") from None


def _show_validated(report: Validated) -> None:
    """Show how many checks failed, and which, the worst first."""
    from plait import console

    of = f"version {report.version} of {report.name}" if report.version else report.name
    console.table(f"Checks of {of}, CDM {report.cdm_version}, as of {report.today}", report.counted())
    failed = report.failed()
    if failed:
        console.say()
        more = f"; the first {_MOST_FAILED} of {len(failed):,}" if len(failed) > _MOST_FAILED else ""
        console.table(f"Failed, the worst first{more}", [_failed_row(result) for result in failed[:_MOST_FAILED]])
    errors = [result for result in report.results if result.status == "ERROR"]
    if errors:
        console.say()
        reasons: dict[str, int] = {}
        for result in errors:
            reasons[result.reason or ""] = reasons.get(result.reason or "", 0) + 1
        console.table("Could not be answered", [{"reason": reason, "checks": count} for reason, count in sorted(reasons.items())])
    if report.data_docs:
        console.say()
        console.say(f"Data Docs: {report.data_docs}")


def _failed_row(result: Result) -> dict[str, Any]:
    percent = None if result.percent is None else f"{result.percent:.2f}"
    allowed = None if result.check.threshold is None else f"{result.check.threshold:g}"
    return {
        "severity": result.check.severity,
        "check": result.check.id,
        "violated": result.violated,
        "of": result.denominator,
        "percent": percent,
        "allowed": allowed,
    }


def _show_checks(rows: list[dict[str, Any]]) -> None:
    """Show checks with their severity and threshold."""
    from plait import console

    console.table("", [row | {"threshold": None if row["threshold"] is None else f"{row['threshold']:g}"} for row in rows])


def _show_offending(found: dict[str, Any], limit: int) -> None:
    """Show the rows that offend a check, each with the records behind it."""
    from plait import console

    console.say(f"{found['check']}: {found['about']}")
    if not found["rows"]:
        console.say("No row offends.")
    for row in found["rows"]:
        console.say()
        console.say("  ".join(f"{name}={_as_it_is(value)}" for name, value in row["row"].items() if value is not None))
        for record in row["records"]:
            console.say(f"  {record['role']} from {record['source']}: {record['file']}, record {record['record']}")
    if len(found["rows"]) == limit:
        console.hint(f"These are the first {limit}; --limit shows more.")


def _as_it_is(value: Any) -> str:  # noqa: ANN401 - a value of any column
    """Give a value as text without thousands marks: ids stay ids."""
    return "" if value is None else str(value)
