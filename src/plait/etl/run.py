"""What a run is given: its settings, its sources' files, its vocabulary, and the version before."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from plait import __version__
from plait.duck import connect
from plait.errors import ConfigError, did_you_mean
from plait.etl.clearing import SPILL, UNFINISHED
from plait.etl.commit import Version, warehouse_of
from plait.etl.executor import LOCAL_EXECUTORS, Executor, LocalExecutor, LocalThreads
from plait.etl.harmonize.reference import rules_digest
from plait.etl.manifest import digest_of
from plait.etl.omics.genes import genes_digest
from plait.etl.omics.panels import panels_digest
from plait.etl.resources import size_mib
from plait.etl.sources.inventory import InputFile, find_files, inspect
from plait.etl.tombstones import Tombstones, read_tombstones
from plait.etl.vocabulary import choose_release, chosen_release, known_release, load_vocabulary
from plait.etl.vocabulary.approvals import approved_file
from plait.progress import Progress, silent
from plait.settings import DEFAULT_SHARD_PERSONS

if TYPE_CHECKING:
    import datetime as dt

    import duckdb

    from plait.etl.notes.reading import StudyExtractor
    from plait.etl.sources.folder import Source
    from plait.settings import Settings


STEPS = (
    "reading the vocabulary",
    "looking at files",
    "staging persons",
    "numbering persons",
    "staging",
    "mapping codes",
    "numbering providers, care sites and locations",
    "finding changes",
    "reading notes",
    "harmonizing",
    "balancing the books",
    "writing the books",
    "committing",
    "cataloguing",
    "clearing away",
)
"""The steps of a run, in order. Whatever happens at their borders or within, the last version stands, or the new one does."""


_MOST_TASKS = 4
"""Tasks that run side by side: more threads than these go to the queries within a task."""

_LEAST_TASK_MIB = 512
"""Memory that a task should have: where there is less for several, fewer run side by side."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run goes about its work.

    Attributes:
        threads: Threads to use in all.
        memory_mib: Memory for DuckDB in all, in MiB.
        executor: Runs independent tasks: on threads of this process, on processes of this machine, or elsewhere.
        rehash: Read files whose size and time are unchanged, too.
        full: Compute everybody anew, not only persons whose records changed.
        dry_run: Do all but commit, and find out what would change; the run that follows takes over the work.
        sources: Sources whose files are looked at, all if empty; those of the others stand as they were read last.
        progress: Hears about steps, and rows passing through them.
    """

    threads: int
    memory_mib: int
    executor: Executor
    rehash: bool = False
    full: bool = False
    dry_run: bool = False
    sources: tuple[str, ...] = ()
    progress: Progress = silent

    @classmethod
    def on_this_machine(cls, threads: int | None, memory: str | None, executor: Executor | LocalExecutor, **others: Any) -> Self:  # noqa: ANN401 - fields
        """Give the options with all cores where no `threads` are named, and half of the machine's memory where no `memory` is.

        Raises:
            ConfigError: `memory` is no size such as `4GiB`.
        """
        threads, memory_mib = threads or os.cpu_count() or 1, size_mib(memory)
        if isinstance(executor, str):
            executor = LOCAL_EXECUTORS[executor](max(1, min(threads, _MOST_TASKS, memory_mib // _LEAST_TASK_MIB)))
        return cls(threads, memory_mib, executor, **others)

    def share(self, tasks: int) -> tuple[int, str]:
        """Give the threads and the memory limit of one of `tasks` that run side by side."""
        side_by_side = max(1, min(tasks, self.executor.workers))
        return max(1, self.threads // side_by_side), f"{max(64, self.memory_mib // side_by_side)}MiB"


@dataclass(slots=True)
class Run:
    """What the steps of one run share.

    `attempt` is in the name of every file that the run writes: should two processes ever take themselves for the
    only run, neither writes over what the other wrote, and one of them commits.
    """

    study: Path
    settings: Settings
    sources: tuple[Source, ...]
    before: Version | None
    run_id: int
    started_at: dt.datetime
    options: RunOptions
    basis: str = ""
    meaning: str = ""
    fingerprint: str = ""
    vocabulary: str | None = None
    extractors: tuple[StudyExtractor, ...] = ()
    files: list[tuple[int, InputFile]] = field(default_factory=list)
    records: dict[int, int] = field(default_factory=dict)
    attempt: str = field(default_factory=lambda: secrets.token_hex(4))
    connection: duckdb.DuckDBPyConnection | None = None
    tombstones: Tombstones = field(init=False)

    def __post_init__(self) -> None:
        self.tombstones = read_tombstones(self.study)

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """A connection to DuckDB, opened by whoever asks first: a run that finds nothing changed does without."""
        if self.connection is None:
            self.connection = connect(threads=self.options.threads, memory=f"{self.options.memory_mib}MiB", spill=self.spill)
        return self.connection

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self.connection is not None:
            self.connection.close()

    @property
    def warehouse(self) -> Path:
        """The folder of everything computed."""
        return warehouse_of(self.study)

    @property
    def spill(self) -> Path:
        """The folder of everything that goes when the run ends."""
        return self.warehouse / SPILL

    @property
    def name(self) -> str:
        """What the files of this run are called."""
        return f"run-{self.run_id:06}-{self.attempt}"

    @property
    def contested(self) -> Path:
        """The file of the specimens that several persons claim."""
        return self.private / f"contested-{self.name}.parquet"

    @property
    def private(self) -> Path:
        """The folder of what tells who is who."""
        return self.study / "private"

    @property
    def unfinished(self) -> Path:
        """The folder of manifests that say what of this run is done, for the next one, should this one be stopped."""
        return self.warehouse / UNFINISHED

    @property
    def shard_persons(self) -> int:
        """Persons per shard."""
        return self.settings.shard_persons or (self.before.shard_persons if self.before else DEFAULT_SHARD_PERSONS)

    def begin(self, step: str) -> None:
        """Tell that the run has come to `step`, one of `STEPS`."""
        self.options.progress(step, 0)

    def source(self, name: str) -> Source:
        """Give a source by its name."""
        return next(source for source in self.sources if source.name == name)


def check_shard_size(run: Run) -> None:
    """Fail where the shard size was changed: row files would no longer hold the persons that their names say."""
    if run.before is not None and run.before.shard_persons != run.shard_persons:
        raise ConfigError(
            run.study / "plait.yaml",
            expected=f"shard_persons: {run.before.shard_persons}, as when the study was made",
            got=str(run.shard_persons),
            todo="Set it back, or make a new study: it is fixed for a study's life.",
        )


def check_chosen(run: Run) -> None:
    """Fail where some sources are to be looked at, and one of these is none, or the others were never read under the settings and rules of now.

    Raises:
        ConfigError: As said.
    """
    names = [source.name for source in run.sources]
    for name in run.options.sources:
        if name not in names:
            todo = did_you_mean(name, names, "Name a source of plait.yaml.")
            raise ConfigError("SOURCE", expected=" or ".join(names), got=f"'{name}'", todo=todo)
    if run.options.sources and (run.before is None or run.before.basis != run.basis):
        got = "nothing that was loaded yet" if run.before is None else "others: all records may become something else"
        raise ConfigError("SOURCE", expected="settings and rules of the last version", got=got, todo="Run all sources: `plait etl run`.")


def take_inventory(run: Run) -> list[tuple[int, InputFile]]:
    """Give every file of every source with its id; files known by content keep theirs, and those of sources that were not chosen are as they were.

    What was found before is trusted under the settings and rules of then alone: others may read a file otherwise.
    """
    check_chosen(run)
    known: dict[tuple[str, str | None, str], InputFile] = {}
    ids: dict[tuple[str, str | None, str, str], int] = {}
    for row in run.before.inventory if run.before else []:
        file_id = row["file_id"]
        file = InputFile(**{**{key: value for key, value in row.items() if key != "file_id"}, "path": Path(row["path"]), "header": tuple(row["header"])})
        known[file.source, file.file, str(file.path)] = file
        ids[file.source, file.file, file.name, file.sha256] = file_id

    def unchanged(source: Source, logical: str | None, path: Path, size: int, mtime_ns: int) -> InputFile | None:
        file = known.get((source.name, logical, str(path)))
        is_same = file is not None and file.is_settled and (file.size_bytes, file.mtime_ns) == (size, mtime_ns)
        return file if is_same and is_trusted else None

    is_trusted = run.before is not None and run.before.basis == run.basis and not run.options.rehash

    last = run.before.last_file_id if run.before else 0
    found: list[tuple[int, InputFile]] = []
    for source in run.sources:
        if run.options.sources and source.name not in run.options.sources:
            found += [(ids[file.source, file.file, file.name, file.sha256], file) for file in known.values() if file.source == source.name]
            continue
        if run.options.rehash and source.cache is not None:
            source.cache.unlink(missing_ok=True)
        paths = find_files(source)
        inspected = LocalThreads(run.options.threads).run(paths, lambda item, source=source: inspect(source, item[0], item[1], unchanged))  # type: ignore[misc]
        for file in inspected:
            key = (file.source, file.file, file.name, file.sha256)
            if key not in ids:
                last += 1
                ids[key] = last
            file_id = ids[key]
            found.append((file_id, file))
    return found


def find_vocabulary(run: Run) -> str:
    """Give the folder of the study's vocabulary, loading it where `plait.yaml` names one."""
    target = run.warehouse / "vocabulary"
    if run.settings.vocabulary is not None:
        release = known_release(run.settings.vocabulary, target) or load_vocabulary(run.con, run.settings.vocabulary, target)
        choose_release(release)
        return str(release.folder.relative_to(run.warehouse))
    chosen = chosen_release(target)
    if chosen is not None:
        return str(chosen.relative_to(run.warehouse))
    if run.before is not None and run.before.vocabulary is not None:
        return run.before.vocabulary
    raise ConfigError(
        run.study / "plait.yaml",
        expected="the key 'vocabulary', or a vocabulary loaded with `plait vocabulary load`",
        got="neither",
        todo="Download one from athena.ohdsi.org and name its folder.",
    )


def basis_of(run: Run) -> str:
    """Give a digest of all that decides what anybody's records become, beside the records and what their codes mean: rules and settings."""
    parts: list[Any] = [
        __version__,
        rules_digest(),
        run.settings.time_zone,
        run.shard_persons,
        run.settings.study,
        run.settings.observation_period.model_dump(),
        genes_digest(run.settings.genes),
        panels_digest(run.sources),
        [[one.name, one.extractor_id, one.system, one.languages] for one in run.extractors],
        [[rule.model_dump() for rule in run.settings.nlp.promote], run.vocabulary if run.settings.nlp.promote else None],  # findings meet it by no code
        [[s.name, s.system, s.encoding, s.delimiter, s.anchor, s.text, sorted(map(str, s.options.items()))] for s in run.sources],
    ]
    return digest_of(parts)


def meaning_of(run: Run) -> str:
    """Give a digest of all that decides what codes mean: the vocabulary, and the mappings of the study and of its sources."""
    files = [*run.settings.mappings, approved_file(run.study)]
    mappings = [hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None for path in files]
    return digest_of([run.vocabulary, mappings, [[s.name, s.mappings] for s in run.sources]])


def fingerprint_of(run: Run) -> str:
    """Give a digest of everything that a run's result depends on."""
    files = sorted([file.source, file.file or "", file.name, file.sha256] for _, file in run.files)
    return digest_of([run.basis, run.meaning, files, [source.checks_text for source in run.sources]])
