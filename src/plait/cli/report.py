"""The command that writes a study's web page: `plait report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plait.cli.options import HERE, JsonOption, QuietOption, StudyOption, show

if TYPE_CHECKING:
    from plait.report.facts import Facts

app = typer.Typer()


@app.command()
def report(
    study: StudyOption = HERE,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="The page; the study's reports/study.html, if left out.")] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write one web page on the study.

    What became of every record, who is there, what is recorded by year, codes without a concept, what was known of each cohort and why the rest is
    missing, checks and runs, in one file that fetches nothing. Figures of fewer persons than policy.min_cell are not told. --json prints what the page
    tells, too.

    Example: plait report -s lung && xdg-open lung/reports/study.html
    """
    from plait import console
    from plait.report.page import PAGE, write_page
    from plait.study import open_study

    opened = open_study(study)
    file = output or study / PAGE
    facts: Facts = write_page(opened.store, file)
    show(facts, lambda _: console.say(f"Wrote {file}."), json=json, quiet=quiet)
