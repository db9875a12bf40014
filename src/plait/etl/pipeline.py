"""`plait etl run`: from raw files to a committed CDM, every record accounted for."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from plait import __version__
from plait.duck import connect
from plait.errors import ConfigError
from plait.etl import books
from plait.etl.catalog import build_catalog
from plait.etl.columns import column_fates
from plait.etl.commit import Version, commit, newest_version, warehouse_of, writing
from plait.etl.crosswalk import extend_crosswalk, load_crosswalk, load_dimension_ids, save
from plait.etl.derive.eras import prepare_drugs
from plait.etl.derive.periods import sources_by_rule
from plait.etl.executor import LocalThreads
from plait.etl.harmonize.reference import load_reference, rules_digest
from plait.etl.harmonize.shard import ShardResult, harmonize_dimensions, harmonize_shard
from plait.etl.ledger import Entry, Ledger
from plait.etl.sources.folder import Source, open_sources
from plait.etl.sources.inventory import InputFile, find_files, inspect
from plait.etl.sources.raw import count_unread, insert_raw_records, load_raw
from plait.etl.stage import StagedFile, Task, define_macros, rows_of, stage_file
from plait.etl.staging import SHAPES
from plait.etl.vocabulary import load_vocabulary, read_release, register
from plait.etl.vocabulary.mapping import load_site_mappings, map_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from plait.settings import Settings


class Progress(Protocol):
    """Hears how far a run is."""

    def __call__(self, step: str, rows: int) -> None:
        """Tell that `rows` more rows passed through `step`."""


def silent(step: str, rows: int) -> None:
    """Hear, and tell nobody: the default listener."""
    del step, rows


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did. `changed` is False where there was nothing to do."""

    changed: bool
    version: int
    run_id: int
    persons: int
    entries: list[Entry] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    notices: list[tuple[str, str | None, str, str | None, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Run:
    """What the steps of one run share."""

    study: Path
    settings: Settings
    con: duckdb.DuckDBPyConnection
    sources: tuple[Source, ...]
    before: Version | None
    run_id: int
    started_at: dt.datetime
    threads: int
    progress: Progress
    fingerprint: str = ""
    vocabulary: str | None = None
    files: list[tuple[int, InputFile]] = field(default_factory=list)
    records: dict[int, int] = field(default_factory=dict)

    @property
    def warehouse(self) -> Path:
        return warehouse_of(self.study)

    def source(self, name: str) -> Source:
        return next(source for source in self.sources if source.name == name)

    @property
    def spill(self) -> Path:
        return self.warehouse / ".spill"


def run_etl(study: Path, settings: Settings, *, threads: int | None = None, memory: str | None = None, progress: Progress = silent) -> RunReport:
    """Bring the study's CDM up to date with its source files, and commit it as a new version.

    Args:
        study: The study's folder.
        settings: Its settings, paths absolute.
        threads: Threads to use, all cores if None.
        memory: DuckDB's memory limit, half of the machine if None.
        progress: Hears about rows passing through steps.

    Raises:
        ConfigError: Settings, a source's rules or its SELECTs are wrong.
        InputFileError: A file cannot be read as declared.
        VocabularyError: There is no vocabulary, or it cannot be used.
        BooksError: A record has no fate.
        StudyError: Another run holds the study.
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
    with writing(study):
        before = newest_version(study)
        threads = threads or os.cpu_count() or 1
        con = connect(threads=threads, memory=memory, spill=warehouse_of(study) / ".spill")
        run = _Run(study, settings, con, sources, before, (before.run_id if before else 0) + 1, _now(), threads, progress)
        try:
            return _run(run)
        finally:
            con.close()
            _remove_spill(run.spill)


def _run(run: _Run) -> RunReport:
    """Do the steps of a run in order."""
    _shard_size_unchanged(run)
    run.files = _inventory(run)
    run.vocabulary = _vocabulary(run)
    run.fingerprint = _fingerprint(run)
    if run.before is not None and run.before.fingerprint == run.fingerprint:
        build_catalog(run.study, run.before)
        return RunReport(changed=False, version=run.before.version, run_id=run.before.run_id, persons=0)
    staged, ledger = _stage(run)
    register(run.con, read_release(run.warehouse / str(run.vocabulary)))
    load_site_mappings(run.con, run.sources, run.settings.mappings)
    map_codes(run.con, staged, run.sources)
    load_reference(run.con, run.sources)
    prepare_drugs(run.con)
    results = _harmonize(run, staged)
    for result in results:
        ledger.add_fates(result.fates)
        ledger.add_rejects(result.rejects)
    ledger.check()
    return _commit(run, staged, ledger, results)


def _shard_size_unchanged(run: _Run) -> None:
    """Fail where the shard size was changed: row files would no longer hold the persons that their names say."""
    if run.before is not None and run.before.shard_persons != run.settings.shard_persons:
        raise ConfigError(
            run.study / "plait.yaml",
            expected=f"shard_persons: {run.before.shard_persons}, as when the study was made",
            got=str(run.settings.shard_persons),
            todo="Set it back, or make a new study: it is fixed for a study's life.",
        )


def _inventory(run: _Run) -> list[tuple[int, InputFile]]:
    """Give every file of every source with its id; files known by content keep theirs."""
    known: dict[str, InputFile] = {}
    ids: dict[tuple[str, str, str], int] = {}
    for row in run.before.inventory if run.before else []:
        file_id = row["file_id"]
        file = InputFile(**{**{key: value for key, value in row.items() if key != "file_id"}, "path": Path(row["path"]), "header": tuple(row["header"])})
        known[str(file.path)] = file
        ids[file.source, file.name, file.sha256] = file_id

    def unchanged(path: Path, size: int, mtime_ns: int) -> InputFile | None:
        file = known.get(str(path))
        return file if file is not None and (file.size_bytes, file.mtime_ns) == (size, mtime_ns) else None

    found: list[tuple[int, InputFile]] = []
    for source in run.sources:
        paths = find_files(source)
        inspected = LocalThreads(run.threads).run(paths, lambda item, source=source: inspect(source, item[0], item[1], unchanged))  # type: ignore[misc]
        for file in inspected:
            key = (file.source, file.name, file.sha256)
            file_id = ids.setdefault(key, max(ids.values(), default=0) + 1)
            found.append((file_id, file))
    return found


def _vocabulary(run: _Run) -> str:
    """Give the folder of the study's vocabulary, loading it where `plait.yaml` names one."""
    target = run.warehouse / "vocabulary"
    if run.settings.vocabulary is not None:
        release = load_vocabulary(run.con, run.settings.vocabulary, target)
        return str(release.folder.relative_to(run.warehouse))
    if run.before is not None and run.before.vocabulary is not None:
        return run.before.vocabulary
    loaded = sorted((path for path in target.glob("*/release.json")), key=lambda path: path.stat().st_mtime_ns)
    if loaded:
        return str(loaded[-1].parent.relative_to(run.warehouse))
    raise ConfigError(
        run.study / "plait.yaml",
        expected="the key 'vocabulary', or a vocabulary loaded with `plait vocabulary load`",
        got="neither",
        todo="Download one from athena.ohdsi.org and name its folder.",
    )


def _fingerprint(run: _Run) -> str:
    """Give a digest of everything that a run's result depends on."""
    parts: list[Any] = [
        __version__,
        rules_digest(),
        run.vocabulary,
        run.settings.time_zone,
        run.settings.shard_persons,
        run.settings.study,
        run.settings.observation_period.model_dump(),
        [hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else str(path) for path in run.settings.mappings],
        [[s.name, s.system, s.encoding, s.delimiter, s.text, s.mappings, sorted(map(str, s.options.items()))] for s in run.sources],
        sorted([file.source, file.file or "", file.name, file.sha256] for _, file in run.files),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _stage(run: _Run) -> tuple[list[StagedFile], Ledger]:
    """Stage every file: persons first, since the others are known by them."""
    define_macros(run.con)
    ledger = Ledger()
    staged = _stage_shapes(run, ledger, persons=True, known_persons=None)
    load_crosswalk(run.con, run.study / run.before.crosswalk if run.before else None)
    known = extend_crosswalk(run.con, rows_of(staged, "person"))
    staged += _stage_shapes(run, ledger, persons=False, known_persons=known)
    _enter_unread(run, ledger, staged)
    return staged, ledger


def _enter_unread(run: _Run, ledger: Ledger, staged: Sequence[StagedFile]) -> None:
    """Enter the files that no SELECT reads: look-ups, texts that notes took in or left, and unused ones."""
    notes = rows_of(staged, "note")
    taken = (
        set(run.con.execute("SELECT DISTINCT source || '/' || text_file FROM read_parquet($paths) WHERE text_file IS NOT NULL", {"paths": notes}).fetchall())
        if notes
        else set()
    )
    for file_id, file in run.files:
        source = run.source(file.source)
        if file.file is not None and source.selects_of(file.file):
            continue
        rule = "unused_file" if file.file is None else "look_up" if source.rules.files[file.file].lookup else "no_select"
        run.records[file_id] = 1 if file.format == "text" else count_unread(run.con, file)
        if file.format == "text" and (f"{file.source}/{file.name}",) in taken:
            ledger.add_merged(file, run.records[file_id])
        else:
            ledger.add_unread(file, run.records[file_id], "not_in_manifest" if file.format == "text" else rule)


def _stage_shapes(run: _Run, ledger: Ledger, *, persons: bool, known_persons: int | None) -> list[StagedFile]:
    """Stage the person shape, or all others, largest files first."""
    tasks = []
    several_shards = known_persons is not None and known_persons >= run.settings.shard_persons
    for file_id, file in sorted(run.files, key=lambda item: -item[1].size_bytes):
        source = run.source(file.source)
        if file.file is None:
            continue
        selects = tuple(select for select in source.selects_of(file.file) if (select.shape == "person") == persons)
        lookups = tuple(other for _, other in run.files if other.source == file.source and other.file is not None and source.rules.files[other.file].lookup)
        if selects:
            tasks.append(
                Task(
                    file,
                    file_id,
                    source,
                    selects,
                    lookups,
                    run.warehouse / "staged",
                    run.spill,
                    run.settings.time_zone,
                    run.settings.shard_persons if several_shards else None,
                )
            )
    lock = threading.Lock()

    def stage(task: Task) -> list[StagedFile]:
        with run.con.cursor() as cursor:
            done = stage_file(cursor, task, known_persons)
        with lock:
            run.records[task.file_id] = done[0].records
            run.progress("staging", done[0].records)
        return done

    staged: list[StagedFile] = []
    for done in LocalThreads(min(run.threads, 4)).run(tasks, stage):
        for staged_file in done:
            ledger.add_staged(staged_file)
        staged += done
    return staged


def _harmonize(run: _Run, staged: Sequence[StagedFile]) -> list[ShardResult]:
    """Write the dimension tables, then every shard of persons."""
    paths = {shape: rows_of(staged, shape) for shape in SHAPES}
    load_dimension_ids(run.con, run.study / run.before.dimension_ids if run.before else None)
    name = f"run-{run.run_id:06}"
    with run.con.cursor() as cursor:
        results = [harmonize_dimensions(cursor, paths, run.warehouse, f"shared-{name}")]
    row = run.con.execute("SELECT coalesce(max(person_id), 0) FROM crosswalk").fetchone()
    last = int(row[0]) if row else 0
    size = run.settings.shard_persons
    shards = [(number, (number * size, number * size + size - 1)) for number in range(last // size + 1)]

    def harmonize(shard: tuple[int, tuple[int, int]]) -> ShardResult:
        with run.con.cursor() as cursor:
            result = harmonize_shard(cursor, paths, shard[1], run.warehouse, f"shard-{shard[0]:06}-{name}", periods=run.settings.observation_period)
        run.progress("harmonizing", sum(result.rows.values()))
        return result

    return [*results, *LocalThreads(1).run(shards, harmonize)]


def _commit(run: _Run, staged: Sequence[StagedFile], ledger: Ledger, results: Sequence[ShardResult]) -> RunReport:
    """Write the books and the new version, then rebuild the catalogue for outside readers."""
    number = (run.before.version if run.before else 0) + 1
    rows: dict[str, int] = {}
    for result in results:
        for table, count in result.rows.items():
            if table in result.files["cdm"]:
                rows[table] = rows.get(table, 0) + count
    notices = books.notices_of(staged, results, [file for _, file in run.files])
    version = Version(
        version=number,
        run_id=run.run_id,
        plait=__version__,
        fingerprint=run.fingerprint,
        vocabulary=run.vocabulary,
        shard_persons=run.settings.shard_persons,
        crosswalk=_save_ids(run, "crosswalk"),
        dimension_ids=_save_ids(run, "dimension_id"),
        tables=_table_files(run, staged, ledger, results, notices, (number, rows.get("person", 0))),
        inventory=[{**asdict(file), "path": str(file.path), "file_id": file_id} for file_id, file in run.files],
        staged=[{"file_id": file.file_id, "shape": file.shape, "path": str(Path(file.path).relative_to(run.warehouse))} for file in staged],
    )
    commit(run.study, version)
    build_catalog(run.study, version)
    return RunReport(changed=True, version=number, run_id=run.run_id, persons=rows.get("person", 0), entries=ledger.entries(), rows=rows, notices=notices)


def _save_ids(run: _Run, table: str) -> str:
    """Write the crosswalk or the dimension ids to `private/` and give the path below the study."""
    private = run.study / "private"
    private.mkdir(exist_ok=True, mode=0o700)
    file = private / f"{table}-{run.run_id:06}.parquet"
    save(run.con, table, file)
    return str(file.relative_to(run.study))


def _table_files(
    run: _Run, staged: Sequence[StagedFile], ledger: Ledger, results: Sequence[ShardResult], notices: Sequence[books.Notice], version: tuple[int, int]
) -> dict[str, dict[str, list[str]]]:
    """Write what is not sharded, and give the files of every table by schema; `version` is its number and its persons."""
    tables: dict[str, dict[str, list[str]]] = {"cdm": {}, "books": {}}
    for result in results:
        for schema, files in result.files.items():
            for table, path in files.items():
                tables[schema].setdefault(table, []).append(path)
    release = read_release(run.warehouse / str(run.vocabulary))
    name = f"run-{run.run_id:06}"
    pages = books.Pages(
        run=(run.run_id, run.started_at, _now(), __version__, run.fingerprint, release.release, *version, "committed"),
        files=[(file_id, file, run.records.get(file_id, 0)) for file_id, file in run.files],
        entries=ledger.entries(),
        columns=[fate for source in run.sources for fate in column_fates(run.con, source, [file for _, file in run.files if file.source == source.name])],
        notices=notices,
        coverage=[(source.name, c.domain, c.start, c.end) for source in run.sources for c in source.rules.coverage],
    )
    late = [reject for result in results for reject in result.rejects]
    earlier = run.before.tables["books"] if run.before else {}
    for table, path in books.write_books(run.con, run.warehouse, name, pages, (staged, late), lambda file_id: _raw(run, file_id)).items():
        tables["books"][table] = [*(earlier.get(table, []) if table in books.HISTORY else []), path]
    tables["cdm"] |= books.write_study_tables(run.con, run.warehouse, name, run.settings, run.sources, release)
    return tables


def _now() -> dt.datetime:
    """Give the time in UTC without zone, as all stored times are."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def _raw(run: _Run, file_id: int) -> None:
    """Read a file again for the raw text of its rejected records."""
    file = next(file for known, file in run.files if known == file_id)
    source = run.source(file.source)
    load_raw(run.con, file, source, table="rejected", spill=run.spill)
    insert_raw_records(run.con, "rejected", file, file_id)


def _remove_spill(spill: Path) -> None:
    """Remove what DuckDB left in its spill folder."""
    shutil.rmtree(spill, ignore_errors=True)
