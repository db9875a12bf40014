"""Raw files to staged rows: every record of a file gets a fate in every shape that reads the file.

A staged file is Parquet, one per (file, SELECT), named by a digest of all that made it, so what exists
is never made again. Its rows carry their pointer (`file_id`, `record`, `part`), the digest of their
record, the person, and `ignore` or `reject` where the record goes no further.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from plait.duck import connect, literal, make_view, parquet, quoted, sql, write_parquet
from plait.errors import BooksError, ConfigError, did_you_mean
from plait.etl.forgotten import mark_forgotten, names_a_person
from plait.etl.judgement import RESERVED, faulty_query, staged_query
from plait.etl.manifest import digest_of, read_manifest, write_manifest
from plait.etl.own_code import code_digest
from plait.etl.source_checks.counting import count_checks, is_counted
from plait.etl.sources.raw import load_columns, load_raw, load_texts, sound_columns
from plait.etl.staging import SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from plait.etl.shape import Shape
    from plait.etl.sources.folder import Select, Source
    from plait.etl.sources.inventory import InputFile
    from plait.etl.tombstones import Tombstones

_UNIT_SYSTEM = "UCUM"


@dataclass(frozen=True, slots=True)
class StagedFile:
    """What one SELECT made of one file.

    `records` counts the file's records; `rejected` and `ignored` count records by reason;
    `unparsed` counts readings that are no number; `rows` are the rows that go on, rolled-up ones included.
    """

    file_id: int
    source: str
    file: str
    shape: str
    path: str
    records: int
    rows: int
    rejected: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, int] = field(default_factory=dict)
    unparsed: int = 0

    @property
    def unknown_persons(self) -> int:
        """Records of persons whom the crosswalk did not know."""
        return self.rejected.get("unknown_person", 0)


@dataclass(frozen=True, slots=True)
class Task:
    """One file to stage: which SELECTs, under which names, with which persons and how much of the machine.

    `links` is a digest of the study's links, `crosswalk` the file of everybody who was ever known, None before persons are staged; `known_persons`
    its size. `tombstones` are those of persons who were forgotten.
    """

    file: InputFile
    file_id: int
    source: Source
    selects: tuple[Select, ...]
    lookups: tuple[InputFile, ...]
    folder: Path
    spill: Path
    time_zone: str
    sort_by_shard: int | None
    links: str
    crosswalk: Path | None
    known_persons: int | None
    threads: int
    memory: str | None
    tombstones: Tombstones

    def manifest(self, select: Select) -> Path:
        """Where it is said what `select` gave: named by all that this depends on, but for the persons who are known."""
        lookups = [[file.file, file.name, file.sha256, file.header] for file in self.lookups if _is_named(str(file.file), select.text)]
        options = sorted(map(str, self.source.options.items()))
        made_of = [
            self.file.sha256,
            self.file.name,
            self.file.header,
            options,
            self.file_id,
            self.source.text,
            select.text,
            lookups,
            self.time_zone,
            self.source.system,
            self.source.encoding,
            self.source.delimiter,
            self.source.anchor,
            self.links,
            _code(),
        ]
        key = digest_of(made_of)[:20]
        return self.folder / self.source.name / f"{select.file}.{select.shape}.{key}.json"

    def path(self, select: Select) -> Path:
        """Where the staged rows of `select` stand: with other numbers of persons they go to a new file, since an old version may need the old one."""
        return self.manifest(select).with_suffix(f".{numbers_of(self.crosswalk, self.known_persons)[:12]}.parquet")


@cache
def _code() -> str:
    """Give a digest of the code that decides what a staged row is."""
    files = ("macros.sql", "stage.py", "judgement.py", "shape.py", "staging.py", "adopted.py", "anchors.py")
    return code_digest(*(("plait.etl", name) for name in files), ("plait.etl.sources", None))


def staged_before(task: Task, select: Select) -> StagedFile | None:
    """Give what was staged earlier, unless it left out persons who may be known by now, or took others for them.

    A run that did not commit may have given numbers that the next one gave to other persons.
    """
    manifest = task.manifest(select)
    data = read_manifest(manifest)
    if data is None:
        return None
    then, numbers, forgotten = data.pop("known_persons"), data.pop("numbers"), data.pop("forgotten", "")
    staged = StagedFile(**{**data, "path": str(manifest.with_name(Path(data["path"]).name))})
    if (staged.unknown_persons and then != task.known_persons) or (forgotten != task.tombstones.digest and names_persons(task.source, task.file.file)):
        return None
    return staged if numbers == numbers_of(task.crosswalk, then) else None


@cache
def numbers_of(crosswalk: Path | None, first: int | None) -> str:
    """Give a digest of who has the numbers up to `first` in a crosswalk, whose file never changes."""
    if crosswalk is None or first is None:
        return "nobody"
    with connect(threads=1) as con:
        row = con.execute(sql("plait.etl", "numbers_digest"), {"file": str(crosswalk), "first": first}).fetchone()
    return digest_of([str(row)])


def stage_file(task: Task) -> list[StagedFile]:
    """Stage what `task` asks for, on a connection of its own: in any thread or process; count what the file's checks ask for by the way.

    Raises:
        InputFileError: The file cannot be cut into records.
        ConfigError: A SELECT does not run, or gives a column that its shape does not have.
        BooksError: A SELECT leaves records without a fate.
    """
    done = {select: staged_before(task, select) for select in task.selects}
    missing = [select for select, staged in done.items() if staged is None]
    to_count = not is_counted(task.folder, task.file, task.source, task.time_zone)
    if not missing and not to_count:
        return [staged for staged in done.values() if staged is not None]
    with connect(threads=task.threads, memory=task.memory, spill=task.spill) as con:
        con.execute(sql("plait.etl", "macros"))
        if task.source.macros:
            con.execute(task.source.macros)
        if task.crosswalk is not None:
            con.execute(sql("plait.etl", "read_crosswalk"), {"file": str(task.crosswalk)})
        records = _load(con, task.file, task.source, task.spill)
        selects = [select for select in task.source.selects_of(str(task.file.file)) if names_a_person(select)] if task.tombstones else []
        _load_lookups(con, task, " ".join(select.text for select in (*missing, *selects)))
        if selects:
            mark_forgotten(con, task.tombstones, selects, task.source, _raw_name(task.file))
        if to_count:
            count_checks(con, task.file, task.source, task.time_zone, task.folder)
        for select in missing:
            done[select] = _stage_select(con, task, select, records)
    return [staged for staged in done.values() if staged is not None]


def names_persons(source: Source, file: str | None) -> bool:
    """Tell whether some SELECT of a file names persons: of others nobody can be forgotten."""
    return file is not None and any(names_a_person(select) for select in source.selects_of(file))


def _raw_name(file: InputFile) -> str:
    return f"raw {file.file}"


def _load(con: duckdb.DuckDBPyConnection, file: InputFile, source: Source, spill: Path) -> int:
    """Make the raw table of a file and the view of its sound records under its logical name."""
    raw = _raw_name(file)
    records = load_raw(con, file, source, table=raw, spill=spill)
    make_view(con, str(file.file), f"SELECT {sound_columns(file)} FROM {quoted(raw)} WHERE _fault IS NULL")
    return records


def _load_lookups(con: duckdb.DuckDBPyConnection, task: Task, selects: str) -> None:
    """Make the view of each look-up of the source that the SELECTs name, over all its files, and the one of its options.

    The file's own name is this file.
    """
    for name, rule in task.source.rules.files.items():
        if name == task.file.file or not _is_named(name, selects):
            continue
        files = [file for file in task.lookups if file.file == name]
        if rule.text:
            load_texts(con, files, table=f"raw {name}")
            make_view(con, name, f"SELECT * EXCLUDE (_fault) FROM {quoted(f'raw {name}')}")
            continue
        for number, file in enumerate(files):
            part = f"part {number} {name}"
            if isinstance(rule.lookup, tuple):
                load_columns(con, file, task.source, rule.lookup, table=part, spill=task.spill)
            else:
                _load(con, file, task.source, task.spill)
                con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(part)} AS SELECT * FROM {quoted(name)}")
        if files:
            parts = " UNION ALL BY NAME ".join(f"SELECT * FROM {quoted(f'part {number} {name}')}" for number in range(len(files)))
            make_view(con, name, parts)
        elif rule.lookup:
            columns = ", ".join(f"CAST(NULL AS VARCHAR) AS {quoted(column)}" for column in rule.columns)
            make_view(con, name, f"SELECT {columns} WHERE false")
    for name, text in task.source.maps.items():
        if _is_named(name, selects):
            _load_map(con, name, text)
    options = {key: value for key, value in task.source.options.items() if not isinstance(value, dict)}
    options |= {"source": task.source.name, "anchor": task.source.anchor}
    columns = ", ".join(f"{'NULL' if value is None else literal(value)} AS {quoted(key)}" for key, value in options.items())
    make_view(con, "options", f"SELECT {columns}")


def _load_map(con: duckdb.DuckDBPyConnection, name: str, text: str) -> None:
    """Make the table of a small CSV of the source's folder, all its columns text."""
    import csv

    import pyarrow as pa

    header, *rows = csv.reader(text.splitlines())
    con.register("map_read", pa.table({column: pa.array([row[place] for row in rows], pa.string()) for place, column in enumerate(header)}))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS FROM map_read")
    con.unregister("map_read")


def _stage_select(con: duckdb.DuckDBPyConnection, task: Task, select: Select, records: int) -> StagedFile:
    """Run one SELECT over the file's sound records and write its staged rows."""
    import duckdb

    shape = SHAPES[select.shape]
    given = _given_columns(con, select, shape)
    path = task.path(select)
    query = f"FROM ({staged_query(task, select, shape, given)}\nUNION ALL BY NAME\n{faulty_query(task, select, _raw_name(task.file))})"
    if task.sort_by_shard and shape.of_person and shape.name != "person":
        query += f" ORDER BY person_id // {task.sort_by_shard}"
    try:
        write_parquet(con, query, path, compression="snappy")
    except (duckdb.DataError, duckdb.InvalidInputException) as error:
        raise ConfigError(
            f"{select.file}.{select.shape}.sql on {task.file.path.name}",
            expected="a SELECT that runs on every record",
            got=f"{type(error).__name__} on a value that is not shown",
            todo="Mend the SELECT: yield text as delivered, which plait reads, or use try_cast, which gives null.",
        ) from None
    staged = _counted(con, task, select, path, records)
    files = [path, *_write_summaries(con, task, select, path)]
    numbers = numbers_of(task.crosswalk, task.known_persons)
    write_manifest(
        task.manifest(select), files, {**asdict(staged), "known_persons": task.known_persons, "numbers": numbers, "forgotten": task.tombstones.digest}
    )
    return staged


def _write_summaries(con: duckdb.DuckDBPyConnection, task: Task, select: Select, staged: Path) -> list[Path]:
    """Write beside a staged file what would else need a scan of it: a digest per person, and its distinct codes.

    The digest sums a hash of each row without its pointer, so that neither the order of rows nor the cut into
    files matters. A record says all of its row, with the names of its columns and the SELECT, unless that takes
    something from a look-up.
    """
    shape = SHAPES[select.shape]
    written = []
    names = [name for name, rule in task.source.rules.files.items() if rule.lookup or rule.text]
    looks_up = any(name != select.file and _is_named(name, select.text) for name in names)
    columns = digest_of([select.file, select.shape, task.file.header])
    if shape.of_person:
        content = f"concat_ws('|', {literal(columns)}, {'CAST(s AS VARCHAR)' if looks_up else 'digest, part'})"
        rows = f'SELECT * EXCLUDE (file_id, record, unparsed, person_id) FROM {parquet(staged)} WHERE reject IS NULL AND "ignore" IS NULL'
        summed = f"count(*) AS rows, CAST(sum(md5_number_lower({content})) AS DECIMAL(38, 0)) AS digest"
        write_parquet(con, f"SELECT source, system, person, {summed} FROM ({rows}) AS s GROUP BY ALL", persons_file(staged))
        written.append(persons_file(staged))
    if coded_columns(select.shape):
        write_parquet(con, distinct_codes(select.shape, staged), codes_file(staged))
        written.append(codes_file(staged))
    return written


def distinct_codes(shape: str, staged: Path) -> str:
    """Give the SELECT of the distinct codes of a staged file, of a shape that has some."""
    words = "display" if "display" in SHAPES[shape].columns else "CAST(NULL AS VARCHAR)"
    parts = [
        f"SELECT source, {system} AS code_system, {quoted(column)} AS code, {words if column == 'code' else 'CAST(NULL AS VARCHAR)'} AS display "
        f'FROM {parquet(staged)} WHERE {quoted(column)} IS NOT NULL AND {system} IS NOT NULL AND reject IS NULL AND "ignore" IS NULL'
        for column, system in coded_columns(shape)
    ]
    return f"SELECT source, code_system, code, min(display) AS display, count(*) AS records FROM ({' UNION ALL '.join(parts)}) GROUP BY ALL"


def _is_named(name: str, select: str) -> bool:
    """Tell whether a SELECT may read a file: its name stands where a table does, and not only as a column's."""
    return re.search(rf'(\bFROM|\bJOIN|,)\s+"?{re.escape(name)}\b', select, re.IGNORECASE) is not None


def manifest_file(staged: str | Path) -> Path:
    """Where the manifest of a staged file stands."""
    return Path(staged).with_suffix("").with_suffix(".json")


def persons_file(staged: str | Path) -> Path:
    """Where the digests per person of a staged file stand."""
    return Path(staged).with_suffix(".persons.parquet")


def codes_file(staged: str | Path) -> Path:
    """Where the distinct codes of a staged file stand."""
    return Path(staged).with_suffix(".codes.parquet")


def coded_columns(shape: str) -> list[tuple[str, str]]:
    """Give (column of a code, SQL for its code system) of a shape, by its names."""
    columns = SHAPES[shape].columns
    pairs = [(name, quoted(f"{name}_system")) for name in columns if f"{name}_system" in columns and name != "code"]
    if "code" in columns:
        pairs.append(("code", '"code_system"'))
    if "value_code" in columns:
        pairs.append(("value_code", '"value_system"'))
    if "unit" in columns:
        pairs.append(("unit", literal(_UNIT_SYSTEM)))
    return pairs


def _given_columns(con: duckdb.DuckDBPyConnection, select: Select, shape: type[Shape]) -> set[str]:
    """Give the columns that a SELECT yields, refusing those that its shape does not have."""
    import duckdb

    try:
        if [statement.type for statement in con.extract_statements(select.text)] != [duckdb.StatementType.SELECT]:
            raise ConfigError(
                f"{select.file}.{select.shape}.sql",
                expected="one SELECT",
                got="other statements, or several",
                todo="Mend the SELECT: it stands alone in its file.",
            )
        described = con.execute(f"DESCRIBE {select.text}").fetchall()
    except duckdb.Error as error:
        raise ConfigError(
            f"{select.file}.{select.shape}.sql",
            expected="a SELECT that runs on the file's columns",
            got=str(error).splitlines()[0],
            todo="Mend the SELECT, or declare the column it needs in source.yaml.",
        ) from None
    names = {str(row[0]) for row in described}
    unknown = sorted(names - set(shape.columns) - set(RESERVED))
    if unknown:
        raise ConfigError(
            f"{select.file}.{select.shape}.sql",
            expected=f"columns of the shape '{shape.name}'",
            got=f"'{unknown[0]}'",
            todo=did_you_mean(unknown[0], shape.columns, f"They are: {', '.join(shape.columns)}."),
        )
    absent = [name for name, column in shape.columns.items() if column.required and name not in names]
    if "_pointer" not in names or absent:
        raise ConfigError(
            f"{select.file}.{select.shape}.sql", expected=f"the column '{(absent or ['_pointer'])[0]}'", got="a SELECT without it", todo="Add it to the SELECT."
        )
    return names


def _counted(con: duckdb.DuckDBPyConnection, task: Task, select: Select, path: Path, records: int) -> StagedFile:
    """Count the fates in a staged file, and fail where a record has none."""
    rows = con.execute(sql("plait.etl", "staged_fates"), {"path": str(path)}).fetchall()
    fates: dict[str, dict[str, int]] = {"staged": {}, "rejected": {}, "ignored": {}}
    for fate, reason, count in rows:
        fates[fate][reason or ""] = count
    with_fate = sum(sum(reasons.values()) for reasons in fates.values())
    if with_fate != records:
        raise BooksError(
            f"{select.file}.{select.shape}.sql on {task.file.path.name}",
            expected=f"a row for each of {records:,} records",
            got=f"rows for {with_fate:,}",
            todo="An INNER JOIN or a WHERE drops records. Use a LEFT JOIN, or keep the row and name the rule in `_ignore` or the reason in `_reject`.",
        )
    summed = con.execute(
        'SELECT count(*) FILTER ("ignore" IS NULL AND reject IS NULL), coalesce(sum(unparsed), 0), '
        "count(*) FILTER (record IS NULL OR record NOT BETWEEN 1 AND $records), count(*) - count(DISTINCT record * 65536 + part) "
        "FROM read_parquet($path, hive_partitioning = false)",
        {"path": str(path), "records": records},
    ).fetchone()
    assert summed is not None  # noqa: S101 - an aggregate gives a row
    if summed[2]:
        raise BooksError(
            f"{select.file}.{select.shape}.sql on {task.file.path.name}",
            expected=f"pointers to records from 1 to {records:,}",
            got=f"{summed[2]:,} others",
            todo="Yield `_pointer` as the file gives it.",
        )
    if summed[3]:
        raise BooksError(
            f"{select.file}.{select.shape}.sql on {task.file.path.name}",
            expected="one row of a record for each `_part`",
            got=f"{summed[3]:,} rows more",
            todo="A join repeats records: join to one row each, or number the rows of a record in `_part`.",
        )
    return StagedFile(
        task.file_id,
        task.source.name,
        select.file,
        select.shape,
        str(task.path(select)),
        records,
        summed[0],
        fates["rejected"],
        fates["ignored"],
        int(summed[1]),
    )


def rows_of(staged: Iterable[StagedFile], shape: str) -> list[str]:
    """Give the paths of the staged files of a shape that hold rows which go on."""
    return [file.path for file in staged if file.shape == shape and file.rows]
