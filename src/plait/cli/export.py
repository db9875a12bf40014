"""Commands that let data leave a study: `plait export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from plait.cli.options import HERE, JsonOption, MemoryOption, QuietOption, StudyOption, ThreadsOption, show

app = typer.Typer(help="Packages that others can use, and that give nobody away.", no_args_is_help=True)

TargetArgument = Annotated[Path, typer.Argument(metavar="OUT", help="A new folder.")]
RowLevelOption = Annotated[bool, typer.Option("--row-level", help="Let rows of patients leave, de-identified.")]
KeyOption = Annotated[
    str | None, typer.Option("--key", metavar="NAME", help="Keep the key in private/ under this name, or use the one that is there; thrown away if left out.")
]
TablesOption = Annotated[
    list[str] | None, typer.Option("--table", metavar="NAME", help="A table of the CDM whose rows leave, all that may if left out; may be given again.")
]


@app.command()
def omop(
    out: TargetArgument,
    study: StudyOption = HERE,
    row_level: RowLevelOption = False,
    tables: TablesOption = None,
    format: Annotated[Literal["parquet", "csv"], typer.Option("--format", help="What the tables are written as.")] = "parquet",  # noqa: A002 - the word for it
    key: KeyOption = None,
    threads: ThreadsOption = None,
    memory: MemoryOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write the CDM without what identifies.

    New ids, dates shifted by days that differ from person to person, rare words and places left out, notes withheld or, where the policy says so,
    scrubbed: each field is treated as the documentation lists it. Intervals stay.

    Example: plait export omop shared/lung -s lung --row-level
    """
    from plait import console
    from plait.cli import export_tables
    from plait.study import open_study

    with console.progress(quiet=quiet or json) as listen:
        done = open_study(study).export_omop(
            out, row_level=row_level, chosen=tables or (), format=format, key=key, threads=threads, memory=memory, progress=listen
        )
    show(done, export_tables.show_exported, json=json, quiet=quiet)


@app.command()
def fair(
    out: TargetArgument,
    study: StudyOption = HERE,
    row_level: RowLevelOption = False,
    tables: TablesOption = None,
    snapshots: Annotated[
        list[str] | None, typer.Option("--snapshot", metavar="NAME", help="A snapshot below snapshots/ that goes along; may be given again.")
    ] = None,
    assays: Annotated[
        list[str] | None, typer.Option("--assay", metavar="NAME", help="An assay that goes along as AnnData, all for every one; may be given again.")
    ] = None,
    images: Annotated[bool, typer.Option("--images", help="Let the persons' images go along, de-identified.")] = False,
    key: KeyOption = None,
    zipped: Annotated[bool, typer.Option("--zip", help="Make one zip file of it.")] = False,
    threads: ThreadsOption = None,
    memory: MemoryOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a package that others can find, open and trust.

    Tables, and with --assay molecular values as AnnData; their metadata as Croissant, RO-Crate and Frictionless, what the checks found, and the
    hashes of all. Without --row-level, figures of enough persons and a synthetic twin. Nothing is written while a check of severity error fails,
    or where something would identify.

    Example: plait export fair shared/lung -s lung --row-level --snapshot cancer-v1 --images
    """
    from plait import console
    from plait.cli import export_tables
    from plait.study import open_study

    with console.progress(quiet=quiet or json) as listen:
        done = open_study(study).export_fair(
            out,
            row_level=row_level,
            chosen=tables or (),
            snapshots=snapshots or (),
            assays=assays or (),
            images=images,
            key=key,
            zipped=zipped,
            threads=threads,
            memory=memory,
            progress=listen,
        )
    show(done, export_tables.show_packaged, json=json, quiet=quiet)


@app.command()
def meds(
    out: TargetArgument,
    study: StudyOption = HERE,
    row_level: RowLevelOption = False,
    cohorts: Annotated[list[str] | None, typer.Option("--cohort", metavar="NAME", help="A cohort whose labels go along; may be given again.")] = None,
    views: Annotated[list[str] | None, typer.Option("--view", metavar="NAME", help="A view whose embeddings go along; may be given again.")] = None,
    split: Annotated[
        str | None,
        typer.Option("--split", metavar="WHAT", help="Who is for training: test=0.2,valid=0.1,seed=7, or a snapshot of a part of a table, or its split.json."),
    ] = None,
    codes: Annotated[
        Literal["standard", "source"], typer.Option("--codes", help="Which code an event has where there are both; the other one is in other_code.")
    ] = "standard",
    key: KeyOption = None,
    threads: ThreadsOption = None,
    memory: MemoryOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write the events of each person, as MEDS has them.

    The Medical Event Data Standard, version 0.4: events, codes, splits and label files, for models of sequences. New ids, shifted times, texts
    withheld, as in the other exports.

    Example: plait export meds shared/lung-meds -s lung --row-level --cohort cancer --view ct --split test=0.2,valid=0.1
    """
    from plait import console
    from plait.cli import export_tables
    from plait.study import open_study

    asked = [int(name) if name.isdigit() else name for name in cohorts or ()]
    with console.progress(quiet=quiet or json) as listen:
        done = open_study(study).export_meds(
            out,
            row_level=row_level,
            cohorts=asked,
            views=views or (),
            split=split,
            codes=codes,
            key=key,
            threads=threads,
            memory=memory,
            progress=listen,
        )
    show(done, export_tables.show_meds, json=json, quiet=quiet)


@app.command()
def mudata(
    out: TargetArgument,
    snapshots: Annotated[list[str], typer.Option("--snapshot", metavar="NAME", help="A snapshot below snapshots/; may be given again.")],
    study: StudyOption = HERE,
    row_level: RowLevelOption = False,
    key: KeyOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write snapshots as MuData, an AnnData for every view.

    Values, masks and reasons as they were saved, of the persons who may leave, under new ids and shifted times.

    Example: plait export mudata shared/cancer -s lung --snapshot cancer-v1 --row-level
    """
    from plait import console
    from plait.cli import export_tables
    from plait.study import open_study

    with console.progress(quiet=quiet or json) as listen:
        done = open_study(study).export_mudata(out, snapshots=snapshots, row_level=row_level, key=key, progress=listen)
    show(done, export_tables.show_mudata, json=json, quiet=quiet)


@app.command()
def phenopackets(
    out: TargetArgument,
    study: StudyOption = HERE,
    row_level: RowLevelOption = False,
    key: KeyOption = None,
    threads: ThreadsOption = None,
    memory: MemoryOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a GA4GH phenopacket for each person.

    Diseases with their stages, features, measurements, biosamples, variants and treatments, under new ids and shifted times, as JSON of the
    Phenopacket Schema 2.0. Each row of the CDM is told in one place, or counted with the reason why it has none.

    Example: plait export phenopackets shared/packets -s lung --row-level
    """
    from plait import console
    from plait.cli import export_tables
    from plait.study import open_study

    with console.progress(quiet=quiet or json) as listen:
        done = open_study(study).export_phenopackets(out, row_level=row_level, key=key, threads=threads, memory=memory, progress=listen)
    show(done, export_tables.show_packets, json=json, quiet=quiet)


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
    from plait.cli import export_tables
    from plait.export.check.run import check_package

    done = check_package(package)
    show(done, export_tables.show_checked, json=json, quiet=quiet)
    if not done.is_fair:
        raise typer.Exit(1)
