"""`plait export fair`: one folder that others can find, open and trust, and that gives nobody away."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from plait import __version__
from plait.duck import quoted
from plait.export.assays import write_assays
from plait.export.deidentify import tables
from plait.export.deidentify.notes import SCRUBBED_FILE
from plait.export.disclosure.anonymity import guard
from plait.export.disclosure.checks import enough_rows, told_results
from plait.export.fair import duo
from plait.export.fair.aggregates import group_persons, write_concepts, write_groups
from plait.export.fair.crate import write_crate
from plait.export.fair.croissant import write_croissant
from plait.export.fair.datapackage import write_datapackage, write_dictionary
from plait.export.fair.describe import cdm_file
from plait.export.fair.history import history, said_of_notes
from plait.export.fair.missing import count_cells, write_missing
from plait.export.fair.model import Dataset, Party, TableFile
from plait.export.fair.readme import write_citation, write_readme
from plait.export.fair.responsible import said
from plait.export.fair.snapshots import write_snapshots
from plait.export.fair.twin import write_twin
from plait.export.images import ImageCounts, Images, write_images
from plait.export.omop import write_tables
from plait.export.outgoing import Left, leaving, leaving_tables, need_row_level
from plait.progress import silent

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from plait.etl.commit import Version
    from plait.export.assays import Shipped
    from plait.export.fair.aggregates import Concepts
    from plait.export.outgoing import Outgoing
    from plait.progress import Progress
    from plait.settings import Settings

CHECKS_FILE = "checks.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged(Left):
    """What was written.

    Attributes:
        is_row_level: Whether it has rows of persons.
        tables: Rows of each table.
        assays: The assays in it, and what of them is not.
        images: What became of the images; None where none were asked for.
    """

    is_row_level: bool
    tables: dict[str, int | None]
    assays: tuple[Shipped, ...]
    images: ImageCounts | None


def export_fair(  # noqa: PLR0913 - each is a choice of the user's
    study: Path,
    version: Version,
    settings: Settings,
    target: Path,
    *,
    row_level: bool = False,
    chosen: Collection[str] = (),
    snapshots: Sequence[str] = (),
    assays: Sequence[str] = (),
    images: bool = False,
    key: str | None = None,
    zipped: bool = False,
    today: dt.date | None = None,
    threads: int | None = None,
    memory: str | None = None,
    progress: Progress = silent,
) -> Packaged:
    """Write a package: tables, their metadata in the formats that others read, the checks, and the hashes of all.

    Args:
        study: The study's folder.
        version: The version.
        settings: Its policy says what is told of the data and how small a cell may be.
        target: The new folder; with `zipped`, the new zip file.
        row_level: Let rows of persons leave, de-identified. Without it, the package has figures, dictionaries and a synthetic twin.
        chosen: Tables of the CDM whose rows leave; all that may if empty. They need `row_level`.
        snapshots: Snapshots below the study's `snapshots/` that go along; they need `row_level`.
        assays: Assays that go along as AnnData, `all` for every one; they need `row_level`.
        images: Let the images of the persons go along, de-identified; needs `row_level`.
        key: Name of the key in `private/`; without one, a new key is made and thrown away.
        zipped: Make one zip file of it.
        today: The day that the package is of; the day it is if None.
        threads: Threads to use, all cores if None.
        memory: DuckDB's memory limit (`"4GiB"`), half of the machine if None.
        progress: Hears of rows that were written.

    Raises:
        ExportError: A check of severity `error` fails, or something that identifies, or that tells of few persons, would be in the package, or
            persons are less alike than the policy asks. Nothing is written.
        ConfigError: The policy names what there is not.
        MissingExtraError: The extra `fair` is not installed.
    """
    for asked, option in ((chosen, "--table"), (snapshots, "--snapshot"), (assays, "--assay"), (images, "--images")):
        if asked:
            need_row_level(option, row_level=row_level)
    leave = leaving_tables(settings.policy, chosen)
    day = today or dt.datetime.now(dt.UTC).date()
    place = target.absolute().with_name(f"{target.absolute().name}.zip") if zipped and target.suffix != ".zip" else target
    duo.check(settings.policy.duo)
    has_notes = row_level and "note" in leave
    limits: dict[str, Any] = {"threads": threads, "memory": memory}
    with leaving(
        study, version, settings, place, key=key, zipped=zipped, has_checks=True, has_rows=row_level, has_notes=has_notes, progress=progress, **limits
    ) as out:
        files, concepts = (_row_level(out, leave), None) if row_level else _without_rows(out)
        tables_of_snapshots, figures = write_snapshots(out, snapshots)
        pictures = write_images(out) if images else None
        shipped = write_assays(out, assays)
        groups = group_persons(out)
        cells = count_cells(figures, out.policy.min_cell)
        files += [*tables_of_snapshots, *([pictures.table] if pictures else []), write_groups(out, groups), *([write_missing(out, cells)] if cells else [])]
        more = said(out, groups, figures, cells, _rows_of_tables(out))
        dataset = replace(_dataset(out, tuple(files), day, row_level=row_level, images=pictures), history=history(out, day, figures), **more)
        dataset = replace(dataset, files=(*dataset.files, *(one.file for one in shipped)))
        _write_checks(out, concepts, guard(out) if row_level else {})
        _write_metadata(dataset, out, row_level=row_level)
        hashes = out.seal()
    return Packaged(
        is_row_level=row_level,
        tables={file.name: file.rows for file in files},
        assays=tuple(shipped),
        images=pictures.counts if pictures else None,
        **out.left(place, hashes),
    )


def _row_level(out: Outgoing, leave: Collection[str]) -> list[TableFile]:
    """Write the CDM, and describe its tables that have rows; those without are left out."""
    folder = out.folder
    (folder / "cdm").mkdir()
    written = write_tables(out.con, folder / "cdm", "parquet", leave, out.progress)
    for name, rows in written.items():
        if not rows:
            (folder / "cdm" / f"{name}.parquet").unlink()
    return [cdm_file(folder, f"cdm/{name}.parquet", name, rows) for name, rows in written.items() if rows]


def _without_rows(out: Outgoing) -> tuple[list[TableFile], Concepts]:
    """Write figures that no cell of which is too small, and the synthetic twin of the CDM, and describe them."""
    concepts = write_concepts(out)
    return [*concepts.files, *write_twin(out, concepts.told)], concepts


def _dataset(out: Outgoing, files: tuple[TableFile, ...], day: dt.date, *, row_level: bool, images: Images | None) -> Dataset:
    """Give the model that all metadata are written from."""
    policy, settings, version, persons = out.policy, out.settings, out.version, out.persons
    told = f"{persons:,} persons" if persons >= policy.min_cell else "a few persons"
    kind = "de-identified rows" if row_level else "figures and a synthetic twin"
    title = policy.title or settings.study
    about = policy.description or f"{title}: the OMOP CDM (version 5.4) of {told}, as {kind}, made with plait from {len(settings.sources)} sources."
    sensitive = (
        "Health data of persons. New ids; dates shifted by days that differ from person to person; birth of persons older than 89 and places generalised; "
        f"free text {said_of_notes(out)}; words that fewer than {policy.min_cell} persons have left out. "
        "Persons may still be recognised by who knows them: do not try."
        if row_level
        else f"Figures about persons; none of fewer than {policy.min_cell}."
    )
    return Dataset(
        name=settings.study,
        title=title,
        about=about,
        version=str(version.version),
        created=day,
        license=policy.license,
        duo=policy.duo,
        creators=tuple(map(Party.of, policy.creators)) or (Party("The study's team"),),
        publisher=Party.of(policy.publisher) if policy.publisher else None,
        contact=policy.contact,
        url=policy.url or f"urn:plait:{settings.study}:{version.version}",
        keywords=("OMOP CDM", "health records", *policy.keywords),
        tables=files,
        files=images.files if images else (),
        history=(),
        sensitive=f"{sensitive} {images.counts.about}" if images else sensitive,
        limits="The data are of those who came to these sources, as they recorded it: what is absent was not recorded, which does not say that it was not so.",
        collection="Collected in routine care and harmonised to the OMOP CDM by plait from: " + _sources(settings),
    )


def _rows_of_tables(out: Outgoing) -> list[str]:
    """Give the tables of the CDM that have rows and are not withheld."""
    return [
        name
        for name in tables.treatments()
        if name not in out.policy.withheld and out.con.execute(f"SELECT 1 FROM cdm.{quoted(name)} LIMIT 1").fetchone() is not None
    ]


def _sources(settings: Settings) -> str:
    """Give the kinds of the study's sources; a kind of the user's own is a path, which stays here."""
    return ", ".join(f"{source.name} ({'own' if '/' in source.kind else source.kind})" for source in settings.sources)


def _write_metadata(dataset: Dataset, out: Outgoing, *, row_level: bool) -> None:
    folder = out.folder
    write_dictionary(dataset, folder)
    write_readme(dataset, folder, row_level=row_level)
    write_citation(dataset, folder)
    write_croissant(dataset, folder)
    write_datapackage(dataset, folder)
    others = {
        "README.md": "What is in the package and how to open it.",
        "CITATION.cff": "How to cite it.",
        "dictionary.csv": "What each column says.",
        CHECKS_FILE: "What the checks of the data found.",
        "croissant.json": "Metadata by MLCommons Croissant.",
        "datapackage.json": "Metadata by Frictionless Data.",
    }
    if out.scrubbed is not None:
        out.scrubbed.write(folder)
        others[SCRUBBED_FILE] = "What was found in notes and taken out, by kind and rule."
    write_crate(dataset, folder, others)


def _write_checks(out: Outgoing, concepts: Concepts | None, alike: dict[str, Any]) -> None:
    """Write what the checks found, without figures of too few, and how alike persons are."""
    report, min_cell = out.report, out.policy.min_cell
    enough = enough_rows(out.con, {result.check.table for result in report.results}, min_cell)
    results = told_results(
        report.results,
        enough,
        min_cell,
        is_everybody=not out.left_out,
        withheld=concepts.withheld if concepts else (),
        hidden_totals=concepts.hidden_totals if concepts else (),
        records=concepts.records if concepts else None,
    )
    content = {
        "plait_version": __version__,
        "today": report.today.isoformat(),
        "counts": report.counted(),
        "disclosure": {"min_cell": min_cell} | alike,
        "results": results,
    }
    (out.folder / CHECKS_FILE).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
