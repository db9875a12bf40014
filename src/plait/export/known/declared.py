"""What the raw files of sources say of who somebody is: the columns that `source.yaml` declares as `identifying`, read when something leaves."""

from __future__ import annotations

import json
from itertools import permutations
from typing import TYPE_CHECKING, Any

from plait.duck import filled, quoted
from plait.errors import ConfigError, InputFileError
from plait.etl.sources.folder import open_sources
from plait.etl.sources.inventory import find_files, inspect
from plait.etl.sources.raw import load_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.sources.folder import Identifying, Source
    from plait.etl.sources.inventory import InputFile
    from plait.settings import Settings

_TABLE = "identifying_raw"
_ROWS = 50_000


def read_declared(con: duckdb.DuckDBPyConnection, study: Path, settings: Settings, spill: Path) -> tuple[str, ...]:
    """Add what sources say of who somebody is to the table `gathered_text`, and give the sources whose files are gone.

    Args:
        con: A connection with the version, and who is who in the table `crosswalk`; a temporary table of it is used.
        study: The study's folder.
        settings: Its sources.
        spill: Where copies of files go that must be decoded first.
    """
    unread = []
    for source in open_sources(settings, study):
        rules = {name: rule.identifying for name, rule in source.rules.files.items() if rule.identifying is not None}
        if not rules:
            continue
        missing = _read_before(con, source, rules)
        persons = dict(con.execute(filled("SELECT identifier, person_id FROM crosswalk WHERE system = $system", {"system": source.system})).fetchall())
        try:
            for file in _files(source, set(rules)):
                missing.discard(str(file.file))
                insert_texts(con, _read(con, file, source, rules[str(file.file)], persons, spill))
        except (ConfigError, InputFileError):
            missing.add(source.name)
        if missing:
            unread.append(source.name)
    return tuple(unread)


def insert_texts(con: duckdb.DuckDBPyConnection, rows: Sequence[tuple[int | None, str, str]]) -> None:
    """Add texts, (person_id, kind, text) each, to the table `gathered_text`."""
    import polars as pl

    frame = pl.DataFrame(rows, schema={"person_id": pl.Int64, "kind": pl.String, "text_value": pl.String}, orient="row").unique()
    con.register("more_text", frame.to_arrow())
    con.execute("INSERT INTO gathered_text FROM more_text")
    con.unregister("more_text")


def _read_before(con: duckdb.DuckDBPyConnection, source: Source, rules: Mapping[str, Identifying]) -> set[str]:
    """Give which files that tell of persons a source had when the version was made."""
    query = filled("SELECT DISTINCT file FROM plait.files WHERE source = $source AND file IS NOT NULL", {"source": source.name})
    had = con.execute(query).fetchall()
    return {name for (name,) in had} & rules.keys()


def _files(source: Source, wanted: set[str]) -> Iterator[InputFile]:
    """Yield the files of a source that tell of persons."""
    for logical, path in find_files(source):
        if logical in wanted:
            yield inspect(source, logical, path, lambda *_: None)


def _read(
    con: duckdb.DuckDBPyConnection, file: InputFile, source: Source, rule: Identifying, persons: Mapping[str, int], spill: Path
) -> list[tuple[int | None, str, str]]:
    """Give what a file tells of persons."""
    there = {name.lower(): name for name in file.header}
    columns = sorted({there[name] for name in _columns(rule) if name in there})
    whose = there.get(rule.person.lower()) if rule.person else None
    if not columns or (rule.person and whose is None):
        return []
    load_columns(con, file, source, sorted({*columns, *([whose] if whose else [])}), table=_TABLE, spill=spill)
    rows: list[tuple[int | None, str, str]] = []
    query = con.execute(f"SELECT DISTINCT {', '.join(map(quoted, [whose or columns[0], *columns]))} FROM {_TABLE}")
    while batch := query.fetchmany(_ROWS):
        for first, *values in batch:
            record = {name.lower(): value for name, value in zip(columns, values, strict=True)}
            person = persons.get(first) if whose else None
            rows += ((person, kind, text) for kind, text in _told(rule, record))
    con.execute(f"DROP TABLE {_TABLE}")
    return rows


def _columns(rule: Identifying) -> Iterator[str]:
    """Yield the columns that a rule names, in small letters."""
    for paths in rule.kinds.values():
        for path in paths:
            yield path.partition(".")[0].lower()


def _told(rule: Identifying, record: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """Yield (kind, text) of all that a record tells; of names also each two together, in either order."""
    for kind, paths in rule.kinds.items():
        texts = []
        for path in paths:
            column, _, within = path.partition(".")
            value = record.get(column.lower())
            texts += [] if not value else list(_leaves(_parsed(value), within.split("."))) if within else [value]
        if kind == "name":
            texts += [f"{one} {other}" for one, other in permutations(dict.fromkeys(texts), 2)]
        for text in dict.fromkeys(texts):
            yield ("email" if kind == "phone" and "@" in text else kind), text


def _parsed(value: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(value)
    except ValueError:
        return None


def _leaves(value: Any, path: list[str]) -> Iterator[str]:  # noqa: ANN401 - whatever JSON holds
    """Yield the texts that a path leads to, through lists.

    >>> list(_leaves([{"family": "Roe", "given": ["Jane", "Ann"]}], ["given"]))
    ['Jane', 'Ann']
    """
    if isinstance(value, list):
        for one in value:
            yield from _leaves(one, path)
    elif path and isinstance(value, dict):
        yield from _leaves(value.get(path[0]), path[1:])
    elif not path and value is not None and not isinstance(value, dict):
        yield str(value)
