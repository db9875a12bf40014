"""What a run is given: its settings, its sources' files, its vocabulary, and the version before."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from plait import __version__
from plait.errors import ConfigError
from plait.etl.commit import Version, warehouse_of
from plait.etl.executor import Executor, LocalThreads
from plait.etl.harmonize.reference import rules_digest
from plait.etl.sources.inventory import InputFile, find_files, inspect
from plait.etl.vocabulary import load_vocabulary

if TYPE_CHECKING:
    import datetime as dt

    import duckdb

    from plait.etl.sources.folder import Source
    from plait.settings import Settings


class Progress(Protocol):
    """Hears how far a run is."""

    def __call__(self, step: str, rows: int) -> None:
        """Tell that `rows` more rows passed through `step`."""


def silent(step: str, rows: int) -> None:
    """Hear, and tell nobody: the default listener."""
    del step, rows


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run goes about its work.

    Attributes:
        threads: Threads to use in all.
        memory_mib: Memory for DuckDB in all, in MiB.
        executor: Runs independent tasks, on local threads or processes.
        rehash: Read files whose size and time are unchanged, too.
        full: Compute everybody anew.
        progress: Hears about rows passing through steps.
    """

    threads: int
    memory_mib: int
    executor: Executor
    rehash: bool = False
    full: bool = False
    progress: Progress = silent

    def share(self, tasks: int) -> tuple[int, str]:
        """Give the threads and the memory limit of one of `tasks` that run side by side."""
        side_by_side = max(1, min(tasks, self.executor.workers))
        return max(1, self.threads // side_by_side), f"{max(64, self.memory_mib // side_by_side)}MiB"


@dataclass(slots=True)
class Run:
    """What the steps of one run share."""

    study: Path
    settings: Settings
    con: duckdb.DuckDBPyConnection
    sources: tuple[Source, ...]
    before: Version | None
    run_id: int
    started_at: dt.datetime
    options: RunOptions
    basis: str = ""
    fingerprint: str = ""
    vocabulary: str | None = None
    files: list[tuple[int, InputFile]] = field(default_factory=list)
    records: dict[int, int] = field(default_factory=dict)

    @property
    def warehouse(self) -> Path:
        """The folder of everything computed."""
        return warehouse_of(self.study)

    @property
    def spill(self) -> Path:
        """The folder of everything that goes when the run ends."""
        return self.warehouse / ".spill"

    @property
    def name(self) -> str:
        """What the files of this run are called."""
        return f"run-{self.run_id:06}"

    def source(self, name: str) -> Source:
        """Give a source by its name."""
        return next(source for source in self.sources if source.name == name)


def check_shard_size(run: Run) -> None:
    """Fail where the shard size was changed: row files would no longer hold the persons that their names say."""
    if run.before is not None and run.before.shard_persons != run.settings.shard_persons:
        raise ConfigError(
            run.study / "plait.yaml",
            expected=f"shard_persons: {run.before.shard_persons}, as when the study was made",
            got=str(run.settings.shard_persons),
            todo="Set it back, or make a new study: it is fixed for a study's life.",
        )


def take_inventory(run: Run) -> list[tuple[int, InputFile]]:
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
        if file is None or run.options.rehash or (file.size_bytes, file.mtime_ns) != (size, mtime_ns):
            return None
        source = run.source(file.source)
        return file if file.format != "csv" or (file.encoding, file.delimiter) == (source.encoding, source.delimiter) else None

    last = run.before.last_file_id if run.before else 0
    found: list[tuple[int, InputFile]] = []
    for source in run.sources:
        paths = find_files(source)
        inspected = LocalThreads(run.options.threads).run(paths, lambda item, source=source: inspect(source, item[0], item[1], unchanged))  # type: ignore[misc]
        for file in inspected:
            key = (file.source, file.name, file.sha256)
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


def basis_of(run: Run) -> str:
    """Give a digest of all that decides what a person's records become, beside the records: rules, settings, vocabulary."""
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
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def fingerprint_of(run: Run) -> str:
    """Give a digest of everything that a run's result depends on."""
    files = sorted([file.source, file.file or "", file.name, file.sha256] for _, file in run.files)
    return hashlib.sha256(json.dumps([run.basis, files]).encode()).hexdigest()
