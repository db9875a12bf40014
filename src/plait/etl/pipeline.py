"""`plait etl run`: from raw files to a committed CDM, every record accounted for."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait import __version__
from plait.duck import quoted, sql, write_parquet
from plait.errors import ConfigError, StudyError
from plait.etl import books
from plait.etl.bookkeeping import balance, table_files
from plait.etl.catalog import build_catalog
from plait.etl.changes import Changes, Shared, SourceChanges, find_changes, find_contested, load_present
from plait.etl.clearing import clear_away
from plait.etl.commit import Version, commit, newest_version, writing
from plait.etl.concept_report import ConceptChange, concept_changes, write_report
from plait.etl.crosswalk import extend_crosswalk, follow_links, load_crosswalk, save_crosswalk
from plait.etl.derive.eras import DRUG_TABLES, prepare_drugs
from plait.etl.derive.periods import sources_by_rule
from plait.etl.differences import TableDifference, table_differences
from plait.etl.forgotten import linked_to_forgotten, remove_copies, sources_with_forgotten
from plait.etl.harmonize.reference import load_reference
from plait.etl.harmonize.remap import codes_to_remap, unknown_concepts, write_remap
from plait.etl.harmonize.shard import Inputs, Shard, ShardResult, harmonize_dimensions, harmonize_shard
from plait.etl.manifest import digest_of
from plait.etl.notes.findings import Notes, write_promotions
from plait.etl.notes.reading import FINDINGS_FOLDER, Batch, extractors_of, read_notes
from plait.etl.omics.assays import matrices_of, write_assays
from plait.etl.omics.genes import map_genes
from plait.etl.omics.panels import panels_of
from plait.etl.resources import resources
from plait.etl.run import Run, RunOptions, basis_of, check_shard_size, find_vocabulary, fingerprint_of, meaning_of, take_inventory
from plait.etl.source_checks.counting import counts_file, is_counted
from plait.etl.source_checks.judging import judge_source, records_before, stop_where_asked
from plait.etl.sources.folder import IDENTITY, open_sources
from plait.etl.stage import StagedFile, Task, rows_of, stage_file
from plait.etl.staging import SHAPES
from plait.etl.tombstones import check_finished
from plait.etl.vocabulary import read_release, register
from plait.etl.vocabulary.approvals import read_approvals
from plait.etl.vocabulary.mapping import digest_codes, load_site_mappings, map_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plait.etl.ledger import Entry, Ledger
    from plait.etl.source_checks.judging import Found
    from plait.etl.sources.inventory import InputFile
    from plait.settings import Settings


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did, or a dry run would do.

    `changed` is False where there was nothing to do; `persons` and `rows` count the whole CDM; `remapped` are persons whose
    codes came to mean something else, be their records changed or not; `shards` are those that were written; `checks` are those
    of sources that failed; `differences` are there after a dry run only, whose `version` is the one that stands. `concept_changes`
    are those of sources that are mapped anew.
    """

    changed: bool
    version: int
    run_id: int
    persons: int
    dry_run: bool = False
    remapped: int = 0
    entries: list[Entry] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    notices: list[books.Notice] = field(default_factory=list)
    sources: tuple[SourceChanges, ...] = ()
    shards: int = 0
    checks: list[dict[str, Any]] = field(default_factory=list)
    differences: list[TableDifference] = field(default_factory=list)
    concept_changes: list[ConceptChange] = field(default_factory=list)


def run_etl(study: Path, settings: Settings, options: RunOptions) -> RunReport:
    """Bring the study's CDM up to date with its source files, and commit it as a new version.

    Args:
        study: The study's folder.
        settings: Its settings, paths absolute.
        options: How to go about it.

    Raises:
        ConfigError: Settings, a source's rules or its SELECTs are wrong.
        InputFileError: A file cannot be read as declared, or changes while it is read.
        VocabularyError: There is no vocabulary, or it cannot be used.
        BooksError: A record has no fate.
        SourceCheckError: A file fails a check that stops a run.
        StudyError: Another run holds the study, or there is no room left on disk or in memory.
    """
    study = study.resolve()
    sources = open_sources(settings, study)
    if not sources:
        raise ConfigError(
            study / "plait.yaml",
            expected="at least one source",
            got="none",
            todo="Add one under 'sources', for example {name: ehr, kind: synthea, path: data/synthea}.",
        )
    sources = sources_by_rule(sources, settings.observation_period, study / "plait.yaml")
    with writing(study), resources(study, options.memory_mib):
        check_finished(study)
        before = newest_version(study)
        clear_away(study)
        run = Run(study, settings, sources, before, (before.run_id if before else 0) + 1, _now(), options)
        try:
            report = _run(run)
        except BaseException:
            run.close()
            with suppress(OSError, StudyError):  # what stopped the run is the news
                _end(run)
            raise
        run.close()
        _end(run)
        return report


def _end(run: Run) -> None:
    """Remove what nobody needs, and copies of what a source still holds of forgotten persons."""
    clear_away(run.study)
    if run.tombstones:
        remove_copies(run.warehouse, run.sources, sources_with_forgotten(run.warehouse, newest_version(run.study)))


def _run(run: Run) -> RunReport:
    """Do the steps of a run in order."""
    check_shard_size(run)
    run.begin("reading the vocabulary")
    run.vocabulary = find_vocabulary(run)
    run.extractors = extractors_of(run.study, run.settings, run.warehouse / run.vocabulary)
    run.basis, run.meaning = basis_of(run), meaning_of(run)
    run.begin("looking at files")
    run.files = take_inventory(run)
    run.fingerprint = fingerprint_of(run)
    if run.before is not None and run.before.fingerprint == run.fingerprint and not run.options.full:
        build_catalog(run.study, run.before)
        return RunReport(changed=False, version=run.before.version, run_id=run.before.run_id, persons=0, dry_run=run.options.dry_run)
    staged = _stage(run)
    checked = _check_sources(run)
    run.begin("mapping codes")
    register(run.con, read_release(run.warehouse / str(run.vocabulary)))
    load_site_mappings(run.con, run.sources, run.settings.mappings, read_approvals(run.study))
    map_codes(run.con, [*staged, *codes_to_remap(run.con, staged, run.sources, run.spill)], run.sources)
    changes, results = _harmonize(run, staged)
    run.begin("balancing the books")
    ledger = balance(run, staged, results)
    if run.options.dry_run:
        return _foretell(run, ledger, changes, results)
    report = _commit(run, staged, ledger, (changes, results), checked)
    run.begin("clearing away")
    return report


def _stage(run: Run) -> list[StagedFile]:
    """Stage every file: persons first, since the others are known by them."""
    run.begin("staging persons")
    run.tombstones = linked_to_forgotten(run)
    staged = _stage_shapes(run, persons=True, crosswalk=None, known_persons=None)
    run.begin("numbering persons")
    load_crosswalk(run.con, run.study / run.before.crosswalk if run.before else None)
    known = extend_crosswalk(run.con, rows_of(staged, "person"))
    save_crosswalk(run.con, run.private / f"crosswalk-{run.name}.parquet")
    follow_links(run.con, rows_of(staged, "link"), run.tombstones)
    crosswalk = run.spill / f"crosswalk-{run.name}.parquet"
    write_parquet(run.con, "FROM crosswalk ORDER BY ALL", crosswalk)
    run.begin("staging")
    staged += _stage_shapes(run, persons=False, crosswalk=crosswalk, known_persons=known)
    load_present(run.con, staged)
    find_contested(run.con, staged, run.contested, run.tombstones)
    return staged


def _check_sources(run: Run) -> list[Found]:
    """Judge the checks of all sources by what was counted of their files.

    Raises:
        SourceCheckError: One fails that stops a run.
    """
    before = records_before(run.con, run.before, run.warehouse) if run.before else {}
    found: list[Found] = []
    for source in run.sources:
        files = [file for _, file in run.files if file.source == source.name]
        folder = run.warehouse / "staged"
        found += judge_source(run.con, source, files, folder, run.settings.time_zone, before=before, today=run.started_at.date())
    stop_where_asked(found)
    return found


_WHO_IS_WHO = frozenset({"person", "link"})
"""Shapes that are staged first, since all other rows are joined with whom they tell of."""


def _stage_shapes(run: Run, *, persons: bool, crosswalk: Path | None, known_persons: int | None) -> list[StagedFile]:
    """Stage persons and the links between them, or all others, largest files first."""
    wanted: list[tuple[int, InputFile]] = []
    for file_id, file in sorted(run.files, key=lambda item: -item[1].size_bytes):
        source = run.source(file.source)
        is_selected = file.file is not None and any((select.shape in _WHO_IS_WHO) == persons for select in source.selects_of(file.file))
        is_only_checked = not persons and not is_counted(run.warehouse / "staged", file, source, run.settings.time_zone)
        if is_selected or is_only_checked:
            wanted.append((file_id, file))
    threads, memory = run.options.share(len(wanted))
    several_shards = known_persons is not None and known_persons >= run.shard_persons
    tasks = []
    for file_id, file in wanted:
        source = run.source(file.source)
        task = Task(
            file=file,
            file_id=file_id,
            source=source,
            selects=tuple(select for select in source.selects_of(str(file.file)) if (select.shape in _WHO_IS_WHO) == persons),
            lookups=tuple(other for _, other in run.files if other.source == file.source and other.file is not None and source.rules.files[other.file].lookup),
            folder=run.warehouse / "staged",
            spill=run.spill,
            time_zone=run.settings.time_zone,
            sort_by_shard=run.shard_persons if several_shards else None,
            links="" if persons else ",".join(sorted(file.sha256 for _, file in run.files if file.source == IDENTITY)),
            crosswalk=crosswalk,
            known_persons=known_persons,
            threads=threads,
            memory=memory,
            tombstones=run.tombstones,
        )
        tasks.append(task)
    staged: list[StagedFile] = []
    for done in run.options.executor.run(tasks, stage_file):
        if not done:
            continue
        run.records[done[0].file_id] = done[0].records
        run.options.progress("staging", done[0].records)
        staged += done
    return staged


def _harmonize(run: Run, staged: Sequence[StagedFile]) -> tuple[Changes, list[ShardResult]]:
    """Write the dimension tables, find who changed, and write their shards; give the changes and all shards of the new version."""
    inputs = _inputs_of_shards(run, staged)
    before_ids = run.study / run.before.dimension_ids if run.before else None
    run.begin("numbering providers, care sites and locations")
    shared = harmonize_dimensions(inputs, f"shared-{run.name}", before_ids)
    run.begin("finding changes")
    codes = run.warehouse / "books" / "code_digests" / f"{run.name}.parquet"
    digest_codes(run.con, codes)
    codes_before = run.before.tables["books"].get("code_digests") if run.before else None
    fresh = run.before is None or run.options.full or run.before.basis != run.basis or codes_before is None
    changes = find_changes(
        run.con,
        staged,
        before=run.warehouse / run.before.person_digests if run.before else None,
        everybody=fresh,
        shared=Shared(
            dimensions=(before_ids, inputs.dimension_ids),
            contested=(run.study / run.before.contested if run.before and run.before.contested and not fresh else None, inputs.contested),
            codes=(run.warehouse / codes_before[0] if codes_before else None, codes),
        ),
        shard_persons=run.shard_persons,
        targets=(run.warehouse / "books" / "person_digests" / f"{run.name}.parquet", inputs.persons),
    )
    kept = {} if fresh or run.before is None else {int(number): files for number, files in run.before.shards.items()}
    _read_notes(run, inputs, changes)
    run.begin("harmonizing")
    done = {}
    for result in run.options.executor.run(_shards(run, inputs, changes, kept), harmonize_shard):
        run.options.progress("harmonizing", sum(result.rows["cdm"].values()))
        done[result.number] = result
    untouched = [ShardResult(number, files, {}) for number, files in kept.items() if number not in done]
    return changes, [shared, *untouched, *done.values()]


def _read_notes(run: Run, inputs: Inputs, changes: Changes) -> None:
    """Have the study's extractors read what they have not read yet of the persons to compute."""
    run.begin("reading notes")
    if not run.extractors:
        return
    _, memory = run.options.share(len(changes.shards))
    shared = Batch(run.extractors[0], 0, run.shard_persons, "", "", (), inputs.persons, inputs.notes.folder, memory, run.spill)
    for characters in read_notes(run.con, run.extractors, changes.shards, inputs.staged["note"], shared, run.options.executor):
        run.options.progress("reading notes", characters)


def _inputs_of_shards(run: Run, staged: Sequence[StagedFile]) -> Inputs:
    """Write what every shard looks things up in, and say where it stands."""
    study_map = run.warehouse / "books" / "study_map" / f"{run.name}.parquet"
    write_parquet(run.con, "FROM study_map ORDER BY ALL", study_map)
    load_reference(run.con, ())
    prepare_drugs(run.con)
    drugs = {table: run.spill / f"{table}.parquet" for table in DRUG_TABLES}
    for table, path in drugs.items():
        write_parquet(run.con, f"FROM {quoted(table)}", path)
    rows = {shape: rows_of(staged, shape) for shape in SHAPES}
    if rows["person"]:
        numbered = run.spill / "numbered_persons.parquet"
        write_parquet(run.con, sql("plait.etl", "numbered_persons"), numbered)
        rows["person"] = [str(numbered)]
    write_parquet(run.con, sql("plait.etl", "link_fates"), run.spill / "links.parquet")
    genes = run.spill / "genes.parquet"
    map_genes(run.con, staged, panels_of(run.sources), run.settings.genes, genes)
    promotions = run.spill / "promotions.parquet"
    write_promotions(run.con, run.settings.nlp.promote, promotions)
    return Inputs(
        warehouse=run.warehouse,
        staged=rows,
        persons=run.spill / "persons.parquet",
        dimension_ids=run.private / f"dimension_ids-{run.name}.parquet",
        study_map=study_map,
        rules=tuple(source.of_shards for source in run.sources),
        drugs=drugs,
        genes=genes,
        links=run.spill / "links.parquet",
        contested=run.contested,
        adopted_map=write_remap(run.con, run.spill / "adopted_map.parquet") if any(source.options.get("remap") for source in run.sources) else None,
        panels=tuple((source.name, panel.name, panel.samples) for source in run.sources for panel in source.panels),
        periods=run.settings.observation_period,
        notes=Notes(run.warehouse / FINDINGS_FOLDER, run.extractors, promotions),
        threads=run.options.threads,
        memory=f"{run.options.memory_mib}MiB",
        spill=run.spill,
    )


def _shards(run: Run, inputs: Inputs, changes: Changes, kept: dict[int, dict[str, dict[str, str]]]) -> list[Shard]:
    """Give the shards to compute, each with a key of all that its rows depend on."""
    threads, memory = run.options.share(len(changes.shards))
    inputs = replace(inputs, threads=threads, memory=memory)
    size = run.shard_persons
    shards = []
    for number, work in changes.shards.items():
        before = None if work.is_whole else kept.get(number)
        key = digest_of([run.basis, run.meaning, changes.dimensions, changes.contested, work.digest, before, run.options.full])
        manifest = run.unfinished / f"shard-{number:06}.json"
        shards.append(Shard(inputs, number, number * size, number * size + size - 1, f"shard-{number:06}-{run.name}", before, manifest, key))
    return shards


def _commit(run: Run, staged: Sequence[StagedFile], ledger: Ledger, work: tuple[Changes, list[ShardResult]], checked: Sequence[Found]) -> RunReport:
    """Write the books and the new version, then rebuild the catalogue for outside readers."""
    changes, results = work
    run.begin("writing the books")
    number = (run.before.version if run.before else 0) + 1
    matrices = matrices_of(run, staged)
    assays = write_assays(run, matrices, staged, results)
    notices = books.notices_of(run.con, run.warehouse, staged, results, [file for _, file in run.files], matrices)
    notices += unknown_concepts(run.con, staged, run.sources)
    version = Version(
        version=number,
        run_id=run.run_id,
        plait=__version__,
        basis=run.basis,
        fingerprint=run.fingerprint,
        vocabulary=run.vocabulary,
        shard_persons=run.shard_persons,
        crosswalk=f"private/crosswalk-{run.name}.parquet",
        dimension_ids=f"private/dimension_ids-{run.name}.parquet",
        contested=f"private/{run.contested.name}",
        person_digests=f"books/person_digests/{run.name}.parquet",
        shards={str(result.number): result.files for result in results if result.number >= 0},
        tables=table_files(run, ledger, results, notices, (number, changes.persons, assays, checked), _now()),
        last_file_id=max([run.before.last_file_id if run.before else 0, *(file_id for file_id, _ in run.files)]),
        inventory=[{**asdict(file), "path": str(file.path), "file_id": file_id} for file_id, file in run.files],
        staged=[
            {"file_id": f.file_id, "source": f.source, "file": f.file, "shape": f.shape, "rows": f.rows, "path": str(Path(f.path).relative_to(run.warehouse))}
            for f in staged
        ],
        omics=[asdict(assay) for assay in assays],
        counted=[str(path.relative_to(run.warehouse)) for path in _counted(run)],
        extractors=[one.extractor_id for one in run.extractors],
    )
    run.begin("committing")
    commit(run.study, version)
    remapped = concept_changes(run.con, run.warehouse, results)
    write_report(run.study, remapped)
    run.begin("cataloguing")
    build_catalog(run.study, version)
    return RunReport(
        changed=True,
        version=number,
        run_id=run.run_id,
        persons=changes.persons,
        remapped=changes.remapped,
        entries=ledger.entries(),
        rows=books.count_rows(run.con, run.warehouse, results),
        notices=notices,
        sources=changes.sources,
        shards=len(changes.shards),
        checks=[one.as_row() for one in checked if one.status == "FAIL"],
        concept_changes=remapped,
    )


def _counted(run: Run) -> list[Path]:
    """Give the files that keep what was counted of files for their checks."""
    manifests = [counts_file(run.warehouse / "staged", file, run.source(file.source), run.settings.time_zone) for _, file in run.files if file.file is not None]
    return [path for manifest in manifests if manifest.is_file() for path in (manifest, *sorted(manifest.parent.glob(f"{manifest.stem}.*.parquet")))]


def _foretell(run: Run, ledger: Ledger, changes: Changes, results: list[ShardResult]) -> RunReport:
    """Give what committing would change."""
    return RunReport(
        changed=True,
        version=run.before.version if run.before else 0,
        run_id=run.run_id,
        persons=changes.persons,
        remapped=changes.remapped,
        dry_run=True,
        entries=ledger.entries(),
        rows=books.count_rows(run.con, run.warehouse, results),
        sources=changes.sources,
        shards=len(changes.shards),
        differences=table_differences(run.con, run.warehouse, run.before, results),
        concept_changes=concept_changes(run.con, run.warehouse, results),
    )


def _now() -> dt.datetime:
    """Give the time in UTC without zone, as all stored times are."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)
