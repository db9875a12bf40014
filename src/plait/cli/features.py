"""Commands on the feature store: `plait features list`, `get`, `diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plait.cli.options import HERE, JsonOption, QuietOption, StudyOption, show

app = typer.Typer(help="What was known of patients at a moment.", no_args_is_help=True)


@app.command("list")
def list_views(study: StudyOption = HERE, json: JsonOption = False, quiet: QuietOption = False) -> None:
    """List the views, and of how many persons each is there.

    Each person is asked about at the end of their observation.

    Example: plait features list -s lung
    """
    from plait.cli import feature_tables
    from plait.study import open_study

    show(open_study(study).features(), feature_tables.show_views, json=json, quiet=quiet)


@app.command()
def get(
    cohort: Annotated[str, typer.Argument(metavar="COHORT", help="A cohort of plait.yaml, or a .csv or .parquet file of persons and times.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the snapshot goes; with .parquet at its end, one flat table.")],
    study: StudyOption = HERE,
    views: Annotated[str | None, typer.Option("--views", metavar="A,B", help="Views, separated by commas; all if left out.")] = None,
    clock: Annotated[str, typer.Option("--clock", metavar="NAME", help="known: what was known then; ohdsi: what had happened, as OHDSI counts.")] = "known",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write what was known of a cohort's patients.

    Rows, values, reasons, ages and labels, for each patient at the row's moment: as many rows as the cohort has, in its order. Nothing is written over.

    Example: plait features get cancer --views rna,events -s lung -o snapshots/cancer-v1
    """
    from plait.cli import feature_tables
    from plait.errors import ConfigError
    from plait.study import open_study

    if output.suffix.lower() in {".csv", ".tsv", ".txt", ".json", ".xlsx"}:
        raise ConfigError("--output", expected="a folder, or a file that ends in .parquet", got=f"a name like a {output.suffix} file's", todo="Name another.")
    opened = open_study(study)
    asked = opened.cohort(cohort)
    table = opened.get_historical_features(asked, None if views is None else [view.strip() for view in views.split(",") if view.strip()], clock=clock)
    name = None
    if output.suffix == ".parquet":
        table.write_parquet(output)
    else:
        name = table.save(output)
    told = {**asked.describe(), "views": table.summary().to_dicts(), "written": str(output), "id": name}
    show(told, feature_tables.show_query, json=json, quiet=quiet)


@app.command()
def diff(
    first: Annotated[Path, typer.Argument(metavar="A", help="A snapshot: its folder, or its name in the study's folder snapshots.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another one.")],
    study: StudyOption = HERE,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Say what differs between two snapshots.

    Rows, views, features, counts of values and reasons, and what they rest on: version, clock, encoders, split, what was fitted.
    Both are checked first, file by file.

    Example: plait features diff snapshots/nsclc-v1 snapshots/nsclc-v2
    """
    from plait.cli import feature_tables
    from plait.featurestore.compare import compare_snapshots

    found = compare_snapshots(*(one if one.exists() or one.is_absolute() else study / "snapshots" / one for one in (first, second)))
    show(found.as_dict() if json else found, feature_tables.show_difference, json=json, quiet=quiet)
