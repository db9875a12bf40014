"""`plait map …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plait.cli.options import HERE, JsonOption, QuietOption, StudyOption, in_study, show

app = typer.Typer(help="Find a concept for codes that have none.", no_args_is_help=True, rich_markup_mode=None)

SourceOption = Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only codes of this source.")]
SystemOption = Annotated[str | None, typer.Option("--system", metavar="NAME", help="Only codes of this code system.")]
RowsOption = Annotated[int, typer.Option("--rows", min=0, help="Only codes that at least so many rows name.")]
DomainOption = Annotated[str | None, typer.Option("--domain", metavar="NAME", help="Only codes of this domain.")]


@app.command("unmapped")
def map_unmapped(
    study: StudyOption = HERE,
    source: SourceOption = None,
    system: SystemOption = None,
    domain: DomainOption = None,
    reason: Annotated[str | None, typer.Option(help="Only codes on the list for this reason.")] = None,
    rows: RowsOption = 0,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """List codes without a concept, with their rows and persons.

    Their rows are kept in the CDM with concept 0. Codes that a mapping leads to a concept which is not standard are listed too. The
    figures are exact, small ones included: they are for those who work on the study, not for sharing.

    Example: plait map unmapped -s lung --system EMR_LAB
    """
    from plait.cli import map_tables
    from plait.study import open_study

    found = open_study(study).mappings.unmapped(source=source, system=system, domain=domain, reason=reason, least_rows=rows)
    is_all = not (source or system or domain or reason or rows)
    show(found[:limit] if json else found, lambda codes: map_tables.show_unmapped(codes, limit, is_all=is_all), json=json, quiet=quiet)


@app.command("suggest")
def map_suggest(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The review file to write (CSV).")],
    study: StudyOption = HERE,
    model: Annotated[
        str | None, typer.Option("--model", metavar="PATH", help="Compare names by this sentence-embedding model (a folder, or an id of the hub).")
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="Candidates of each code at most.")] = 5,
    source: SourceOption = None,
    system: SystemOption = None,
    domain: DomainOption = None,
    rows: RowsOption = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write candidates for each of them to a file to review.

    Codes of other vocabularies come first, then names and synonyms that are like the source's words. The file opens in a spreadsheet and in
    OHDSI's Usagi: set mappingStatus to APPROVED where conceptId is right, or put the right one there first.

    Example: plait map suggest -s lung -o review.csv
    """
    from plait.cli import map_tables
    from plait.errors import ConfigError
    from plait.study import open_study

    if output.exists() and not force:
        raise ConfigError(output, expected="a file to write", got="one that is there, maybe with reviews", todo="Name another one, or say --force.")
    mappings = open_study(study).mappings
    suggested = mappings.suggest(output, model=model, most=most, source=source, system=system, domain=domain, least_rows=rows)
    show(suggested, map_tables.show_suggested, json=json, quiet=quiet)


@app.command("apply")
def map_apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The review file, as a spreadsheet or Usagi saved it.")],
    study: StudyOption = HERE,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who approved the lines that do not say so.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be touched, and write nothing.")] = False,
    run: Annotated[bool, typer.Option("--run", help="Run the ETL at once.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Enter what was approved into the study's mappings.

    All lines are checked first: one that cannot be applied names itself, and nothing is. Applied again, nothing changes. The next run of the
    ETL computes the persons anew whose rows name a code that was decided, and nobody else.

    Example: plait map apply review.csv -s lung --by "A. Curator" --run
    """
    from plait.cli import map_tables
    from plait.study import open_study

    applied = open_study(study).mappings.apply(file, by=by, dry_run=dry_run)
    show(applied, lambda done: map_tables.show_applied(done, in_study(study), runs=run), json=json, quiet=quiet)
    if run and not dry_run:
        from plait.cli.etl import run_and_show

        run_and_show(study, None, None, json=False, quiet=quiet or json, rehash=False, full=False, dry_run=False)
