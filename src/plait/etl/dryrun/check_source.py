"""`plait etl check-source`: a source run dry: what each SELECT makes of its files, and what it leaves."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.duck import connect, listed, sql, write_parquet
from plait.errors import BooksError
from plait.etl.columns import column_fates
from plait.etl.crosswalk import extend_crosswalk, load_crosswalk
from plait.etl.resources import resources
from plait.etl.source_checks.counting import is_counted
from plait.etl.source_checks.judging import judge_source
from plait.etl.source_checks.offending import offending_records
from plait.etl.sources.inventory import InputFile, find_files, inspect
from plait.etl.sources.raw import count_unread, insert_raw_records, load_raw
from plait.etl.stage import StagedFile, Task, codes_file, rows_of, stage_file
from plait.etl.staging import SHAPES
from plait.etl.tombstones import NOBODY
from plait.etl.vocabulary import read_release, register
from plait.etl.vocabulary.mapping import load_site_mappings, map_codes
from plait.progress import silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from plait.etl.sources.folder import Select, Source
    from plait.etl.tombstones import Tombstones
    from plait.etl.vocabulary.approvals import Approval
    from plait.progress import Progress

WHO_IS_WHO = frozenset({"person"})
"""Shapes that are staged first: the others are joined with whom they tell of."""


@dataclass(slots=True)
class ShapeTried:
    """What one SELECT made of the files that it reads.

    Attributes:
        file: The file.
        shape: The shape.
        records: Records of the files.
        rows: Rows that go on.
        rejected: Records that are rejected, by reason and column (`invalid_time: birth`).
        ignored: Records that are left out, by rule.
        unparsed: Readings that are no number.
        nulls: For each column that the SELECT gives, in how many of the rows that go on it is null.
        first: The first rejected records of each reason: where they stand, and with `show_values` what they say.
        fault: Why the books do not balance: records without a fate, or with several.
    """

    file: str
    shape: str
    records: int = 0
    rows: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, int] = field(default_factory=dict)
    unparsed: int = 0
    nulls: dict[str, int] = field(default_factory=dict)
    first: list[dict[str, Any]] = field(default_factory=list)
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class SourceTried:
    """What became of a source.

    Attributes:
        source: Its name.
        shapes: What each SELECT made.
        codes: For each code system, how many codes and records there are and how many have a standard concept; None without a vocabulary.
        columns: Columns that nobody accounts for: file, column.
        files: Files that no SELECT reads, with their records and the rule.
        checks: What the checks of `source.yaml` found, each as a row of `plait.source_checks`, with `about` and the `first` records that offend.
        notes: What a reader should know.
    """

    source: str
    shapes: tuple[ShapeTried, ...]
    codes: tuple[dict[str, Any], ...] | None
    columns: tuple[dict[str, str], ...]
    files: tuple[dict[str, Any], ...]
    checks: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether every record has a fate, and no check of severity error fails."""
        fails = any(check["status"] == "FAIL" and check["severity"] == "error" for check in self.checks)
        return not fails and all(shape.fault is None for shape in self.shapes)


@dataclass(frozen=True, slots=True)
class Trial:
    """How a source is tried.

    Attributes:
        time_zone: What zoned times are converted to.
        mappings: The study's own mappings.
        approvals: What was approved of its codes.
        vocabulary: The folder of a loaded release, None without one.
        crosswalk: The study's crosswalk, None before its first run.
        persons: Sources of the study that may bring the persons.
        before: Records of (source, file) in the study's last version.
        today: The date that freshness is judged by; the day it is if None.
        threads: Threads to use.
        memory_mib: Memory for DuckDB.
        first: Rejected records to show for each reason.
        show_values: Whether to show what they say.
        progress: Hears of files that were staged.
        tombstones: Who was forgotten.
    """

    time_zone: str = "UTC"
    mappings: tuple[Path, ...] = ()
    approvals: tuple[Approval, ...] = ()
    vocabulary: Path | None = None
    crosswalk: Path | None = None
    persons: tuple[Source, ...] = ()
    before: dict[tuple[str, str], int] = field(default_factory=dict)
    today: dt.date | None = None
    threads: int = 1
    memory_mib: int = 1024
    first: int = 3
    show_values: bool = False
    progress: Progress = silent
    tombstones: Tombstones = NOBODY


class _Dry:
    """One trial: a connection, a folder that goes when it ends, and the files of the source."""

    def __init__(self, con: duckdb.DuckDBPyConnection, source: Source, trial: Trial, folder: Path) -> None:
        self.con, self.source, self.trial, self.folder = con, source, trial, folder
        self.files = _inventory(source)

    def staged(self, source: Source, files: Sequence[tuple[int, InputFile]], *, persons: bool, crosswalk: Path | None) -> list[StagedFile | _Failed]:
        """Stage what the SELECTs of persons, or all others, make of files; a SELECT whose books do not balance fails alone."""
        done: list[StagedFile | _Failed] = []
        for number, file in files:
            selects = tuple(select for select in source.selects_of(str(file.file)) if (select.shape in WHO_IS_WHO) == persons)
            if not selects:
                continue
            try:
                made: list[StagedFile | _Failed] = list(stage_file(self.task(source, files, number, selects, crosswalk)))
            except BooksError:
                made = [self._one(source, files, number, select, crosswalk) for select in selects]
            self.trial.progress("staging", next((one.records for one in made if isinstance(one, StagedFile)), 0))
            done += made
        return done

    def _one(self, source: Source, files: Sequence[tuple[int, InputFile]], number: int, select: Select, crosswalk: Path | None) -> StagedFile | _Failed:
        try:
            return stage_file(self.task(source, files, number, (select,), crosswalk))[0]
        except BooksError as error:
            return _Failed(select.file, select.shape, f"expected {error.expected}, got {error.got}. {error.todo}")

    def task(self, source: Source, files: Sequence[tuple[int, InputFile]], number: int, selects: tuple[Select, ...], crosswalk: Path | None) -> Task:
        """Give the task of staging one file."""
        return Task(
            file=dict(files)[number],
            file_id=number,
            source=source,
            selects=selects,
            lookups=tuple(file for _, file in files if file.file is not None and source.rules.files[file.file].lookup),
            folder=self.folder / "staged",
            spill=self.folder,
            time_zone=self.trial.time_zone,
            sort_by_shard=None,
            links="",
            crosswalk=crosswalk,
            known_persons=None if crosswalk is None else 1,
            threads=self.trial.threads,
            memory=f"{self.trial.memory_mib}MiB",
            tombstones=self.trial.tombstones,
        )


@dataclass(frozen=True, slots=True)
class _Failed:
    """A SELECT whose books do not balance."""

    file: str
    shape: str
    fault: str


def check_source(source: Source, trial: Trial) -> SourceTried:
    """Stage everything of a source in a folder that goes away, and tell what came of it. Nothing is written.

    Raises:
        ConfigError: A SELECT does not run, or gives a column that its shape does not have.
        InputFileError: A file cannot be read as it was declared.
    """
    with (
        tempfile.TemporaryDirectory(prefix="plait-") as folder,
        resources(source.path, trial.memory_mib),
        connect(threads=trial.threads, memory=f"{trial.memory_mib}MiB", spill=Path(folder)) as con,
    ):
        source = _apart(source, Path(folder))
        dry = _Dry(con, source, trial, Path(folder))
        notes: list[str] = []
        staged = _stage(dry, notes)
        sound = [one for one in staged if isinstance(one, StagedFile)]
        shapes: dict[tuple[str, str], ShapeTried] = {}
        for one in staged:
            shape = shapes.setdefault((one.file, one.shape), ShapeTried(one.file, one.shape))
            if isinstance(one, _Failed):
                shape.fault = one.fault
            else:
                _add(dry, shape, one)
        codes = _codes(dry, sound)
        columns = [
            {"file": file, "column": column} for _, file, column, fate, _ in column_fates(con, source, [file for _, file in dry.files]) if fate == "unaccounted"
        ]
        tried = tuple(shapes[key] for key in sorted(shapes))
        return SourceTried(source.name, tried, codes, tuple(columns), tuple(_unread(dry)), tuple(_checks(dry)), tuple(notes))


def _apart(source: Source, folder: Path) -> Source:
    """Give a source whose reader keeps what it has read in a folder that goes away; what it knew before, it knows."""
    if source.cache is None:
        return source
    cache = folder / "headers" / source.cache.name
    cache.parent.mkdir(parents=True)
    if source.cache.is_file():
        shutil.copyfile(source.cache, cache)
    return replace(source, cache=cache)


def _inventory(source: Source) -> list[tuple[int, InputFile]]:
    """Give the files of a source, numbered; nothing is known of them from before."""
    return list(enumerate([inspect(source, logical, path, lambda *_: None) for logical, path in find_files(source)], 1))


def _stage(dry: _Dry, notes: list[str]) -> list[StagedFile | _Failed]:
    """Stage persons, number them, and stage the rest; where nobody says who the persons are, nobody is unknown."""
    own = dry.staged(dry.source, dry.files, persons=True, crosswalk=None)
    load_crosswalk(dry.con, dry.trial.crosswalk)
    people = [one for one in own if isinstance(one, StagedFile)]
    for number, brings in enumerate(dry.trial.persons):
        other = _apart(brings, dry.folder / str(number))
        people += [one for one in dry.staged(other, _inventory(other), persons=True, crosswalk=None) if isinstance(one, StagedFile)]
    extend_crosswalk(dry.con, rows_of(people, "person"))
    known = dry.con.execute("SELECT count(*) FROM crosswalk WHERE system = $system", {"system": dry.source.system}).fetchone()
    rest = dry.staged(dry.source, dry.files, persons=False, crosswalk=_saved(dry, "known"))
    if known == (0,) and any(isinstance(one, StagedFile) and one.unknown_persons for one in rest):
        notes.append(f"No source brings persons of the system '{dry.source.system}': records are tried as if all persons were known.")
        paths = [one.path for one in rest if isinstance(one, StagedFile) and one.unknown_persons]
        dry.con.execute(sql("plait.etl.dryrun", "everybody"), {"paths": paths})
        rest = dry.staged(dry.source, dry.files, persons=False, crosswalk=_saved(dry, "everybody"))
    return [*own, *rest]


def _saved(dry: _Dry, name: str) -> Path:
    path = dry.folder / f"{name}.parquet"
    write_parquet(dry.con, "FROM crosswalk ORDER BY ALL", path)
    return path


def _add(dry: _Dry, shape: ShapeTried, staged: StagedFile) -> None:
    """Add what a SELECT made of one file."""
    shape.records += staged.records
    shape.rows += staged.rows
    shape.unparsed += staged.unparsed
    for rule, records in staged.ignored.items():
        shape.ignored[rule] = shape.ignored.get(rule, 0) + records
    for reason, detail, records in dry.con.execute(sql("plait.etl.dryrun", "rejected"), {"path": staged.path}).fetchall():
        key = f"{reason}: {detail}" if detail else str(reason)
        shape.rejected[key] = shape.rejected.get(key, 0) + records
    counted = dry.con.execute(sql("plait.etl.dryrun", "filled"), {"path": staged.path}).fetchall()
    filled = {str(name): int(rows) for name, rows in counted}
    text = next(select.text for select in dry.source.selects if (select.file, select.shape) == (staged.file, staged.shape))
    given = _given(dry.con, text)
    for name in SHAPES[staged.shape].columns:
        if name in given or "*" in given:
            shape.nulls[name] = shape.nulls.get(name, 0) + staged.rows - filled.get(name, 0)
    if staged.rejected:
        shape.first += _first(dry, staged)


def _given(con: duckdb.DuckDBPyConnection, text: str) -> set[str]:
    """Give the columns that a SELECT yields, by its own words; `*` where it takes whatever there is."""
    row = con.execute("SELECT json_serialize_sql($query)", {"query": text}).fetchone()
    node = json.loads(row[0])["statements"][0]["node"] if row else {}
    while "select_list" not in node and "left" in node:  # a UNION
        node = node["left"]
    items = node.get("select_list", [])
    named = {str(item.get("alias") or (item.get("column_names") or ["*"])[-1]).lower() for item in items}
    return named | ({"*"} if any(item.get("class") == "STAR" for item in items) else set())


def _first(dry: _Dry, staged: StagedFile) -> list[dict[str, Any]]:
    """Give the first rejected records of each reason."""
    file = dict(dry.files)[staged.file_id]
    rows = dry.con.execute(sql("plait.etl.dryrun", "first_rejected"), {"path": staged.path, "most": dry.trial.first}).fetchall()
    raw: dict[int, str] = {}
    if dry.trial.show_values and file.format != "text":
        dry.con.execute(sql("plait.etl", "reject_tables"))
        load_raw(dry.con, file, dry.source, table="shown", spill=dry.folder)
        dry.con.execute(sql("plait.etl.dryrun", "chosen_records"), {"file_id": staged.file_id, "path": staged.path, "most": dry.trial.first})
        insert_raw_records(dry.con, "shown", file, staged.file_id)
        raw = dict(dry.con.execute("SELECT record, raw FROM reject_raw").fetchall())
    return [
        {"path": file.name, "record": record, "reason": reason, "column": detail} | ({"raw": raw.get(record)} if dry.trial.show_values else {})
        for reason, detail, record in rows
    ]


def _codes(dry: _Dry, staged: Sequence[StagedFile]) -> tuple[dict[str, Any], ...] | None:
    """Give how much of each code system has a standard concept, the least mapped first."""
    if dry.trial.vocabulary is None:
        return None
    register(dry.con, read_release(dry.trial.vocabulary))
    load_site_mappings(dry.con, (dry.source,), dry.trial.mappings, dry.trial.approvals)
    map_codes(dry.con, [one for one in staged if codes_file(one.path).is_file()], (dry.source,))
    return tuple(listed(dry.con, sql("plait.etl.dryrun", "coverage")))


def _checks(dry: _Dry) -> list[dict[str, Any]]:
    """Make the checks that `source.yaml` asks for, and find the first records that offend each of those that fail."""
    files = [file for _, file in dry.files]
    for number, file in dry.files:
        if not is_counted(dry.folder / "staged", file, dry.source, dry.trial.time_zone):
            stage_file(dry.task(dry.source, dry.files, number, (), None))
    today = dry.trial.today or dt.datetime.now(dt.UTC).date()
    found = judge_source(dry.con, dry.source, files, dry.folder / "staged", dry.trial.time_zone, before=dry.trial.before, today=today)
    rows = []
    for one in found:
        first = []
        if one.status == "FAIL" and dry.trial.first:
            first = offending_records(dry.con, dry.source, files, one.check, time_zone=dry.trial.time_zone, spill=dry.folder, limit=dry.trial.first)
        rows.append(one.as_row() | {"about": one.check.about, "first": [{"path": path, "record": record} for path, record in first]})
    return rows


def _unread(dry: _Dry) -> list[dict[str, Any]]:
    """Give the files that no SELECT reads."""
    found = []
    for _, file in dry.files:
        if file.file is not None and (dry.source.selects_of(file.file) or dry.source.rules.files[file.file].lookup):
            continue
        rule = "unused_file" if file.file is None else "no_select"
        found.append({"file": file.name, "records": 1 if file.format == "text" else count_unread(dry.con, file, dry.source), "rule": rule})
    return found
