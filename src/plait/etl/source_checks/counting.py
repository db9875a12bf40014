"""Counts what offends the checks of a file, in one scan of its records, while they are there to be staged.

What was counted is kept beside the staged rows, named by all that it depends on: the same file under the same checks is not read again.
Keys and references are judged over several files, so that their distinct values are kept too.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from plait.duck import literal, quoted, write_parquet
from plait.etl.judgement import time_of_text
from plait.etl.manifest import digest_of, read_manifest, write_manifest
from plait.etl.own_code import code_digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from plait.etl.source_checks.rules import SourceCheck
    from plait.etl.sources.folder import Source
    from plait.etl.sources.inventory import InputFile


def counts_file(folder: Path, file: InputFile, source: Source, time_zone: str) -> Path:
    """Where it is kept what was counted of a file; the folder is that of staged rows."""
    code = code_digest(("plait.etl", "macros.sql"), ("plait.etl", "judgement.py"), ("plait.etl.source_checks", None), ("plait.etl.sources", "raw.py"))
    layout = [source.layout_of(file.file), source.rules.null_values, source.rules.time_formats, source.anchor]
    key = digest_of([file.sha256, file.name, file.header, source.checks_text, layout, time_zone, code])[:20]
    return folder / source.name / f"{file.file}.checks.{key}.json"


def is_counted(folder: Path, file: InputFile, source: Source, time_zone: str) -> bool:
    """Tell whether there is nothing to count in a file, or it was counted before."""
    return not is_checked(source, file.file) or read_manifest(counts_file(folder, file, source, time_zone)) is not None


def is_checked(source: Source, file: str | None) -> bool:
    """Tell whether a file has checks, or others refer to it."""
    return file is not None and bool(source.checks_of(file) or _referred(source, file))


def count_checks(con: duckdb.DuckDBPyConnection, file: InputFile, source: Source, time_zone: str, folder: Path) -> None:
    """Count what offends the checks of a file, whose sound records are a view of its name, and keep the figures.

    Counts of one figure are additive over files; of keys and references the distinct values are kept, with how often each is there.
    """
    assert file.file is not None  # noqa: S101 - only files that are checked come here
    checks = [check for check in source.checks_of(file.file) if has_columns(file, check)]
    target = counts_file(folder, file, source, time_zone)
    aggregates = {"records": "count(*)"}
    for number, check in enumerate(checks):
        if check.kind == "sourceFresh":
            aggregates[f"newest {number}"] = f"CAST(max({time_of_text(quoted(check.columns[0]), source, time_zone)}) AS VARCHAR)"
        elif check.kind not in {"sourceRows", "sourceUnique", "sourceReference"}:
            violated, counted = condition(check, source, time_zone)
            aggregates[f"violated {number}"] = f"count(*) FILTER (WHERE {violated})"
            aggregates[f"counted {number}"] = f"count(*) FILTER (WHERE {counted})"
    row = con.execute(f"SELECT {', '.join(aggregates.values())} FROM {quoted(file.file)}").fetchone() or ()
    figures = dict(zip(aggregates, row, strict=True))
    sets = [columns for columns in _sets(source, file.file, checks) if all(name.lower() in _header(file) for name in columns)]
    written = []
    for number, columns in enumerate(sets):
        path = target.with_suffix(f".{number}.parquet")
        write_parquet(con, _distinct(file.file, columns), path)
        written.append(path)
    content: dict[str, Any] = {
        "records": figures["records"],
        "counts": {check.id(source.name): [figures[f"violated {n}"], figures[f"counted {n}"]] for n, check in enumerate(checks) if f"violated {n}" in figures},
        "newest": {check.id(source.name): figures[f"newest {n}"] for n, check in enumerate(checks) if f"newest {n}" in figures},
        "sets": {"|".join(columns): path.name for columns, path in zip(sets, written, strict=True)},
    }
    write_manifest(target, written, content)


def condition(check: SourceCheck, source: Source, time_zone: str) -> tuple[str, str]:
    """Give which records offend a check, and which are counted below the line, as SQL over the file's view."""
    rule, value = check.rule, quoted(check.columns[0])
    there = f"{value} IS NOT NULL"
    if check.kind == "sourceRequired":
        return f"{value} IS NULL", "true"
    if check.kind == "sourceValues":
        return f"{value} NOT IN ({', '.join(literal(one) for one in rule.values or ())})", there
    if check.kind == "sourcePattern":
        return f"NOT regexp_full_match({value}, {literal(rule.pattern)})", there
    if check.kind == "sourceType":
        return f"{there} AND NOT coalesce({_is_of_type(str(rule.type), value, source, time_zone)}, false)", there
    assert check.kind == "sourceRange"  # noqa: S101 - the others are not counted by a condition
    if isinstance(rule.min, dt.date) or isinstance(rule.max, dt.date):
        parsed = time_of_text(value, source, time_zone)
        bounds = [f"{parsed} {sign} TIMESTAMP {literal(_edge(bound, sign))}" for sign, bound in (("<", rule.min), (">", rule.max)) if bound is not None]
    else:
        parsed = f"plait_number({value}, 1e308)"
        bounds = [f"{parsed} {sign} {bound!r}" for sign, bound in (("<", rule.min), (">", rule.max)) if bound is not None]
    return f"({' OR '.join(bounds)})", f"{parsed} IS NOT NULL"


def _edge(bound: object, sign: str) -> str:
    """Give the moment that a date stands for: its first as the earliest, its last as the latest."""
    return f"{bound}" if sign == "<" or isinstance(bound, dt.datetime) else f"{bound} 23:59:59.999999"


def _is_of_type(name: str, value: str, source: Source, time_zone: str) -> str:
    if name == "integer":
        return f"regexp_full_match({value}, '[+-]?[0-9]+')"
    if name == "number":
        return f"plait_number({value}, 1e308) IS NOT NULL"
    is_time = f"{time_of_text(value, source, time_zone)} IS NOT NULL"
    return f"{is_time} AND plait_is_date({value})" if name == "date" else is_time


def has_columns(file: InputFile, check: SourceCheck) -> bool:
    """Tell whether a file has the columns that a check is about."""
    return all(name.lower() in _header(file) for name in check.columns)


def _header(file: InputFile) -> set[str]:
    return {name.lower() for name in file.header}


def _sets(source: Source, file: str, checks: Iterable[SourceCheck]) -> list[tuple[str, ...]]:
    """Give the columns whose distinct values are kept: keys, references, and what others refer to."""
    own = [check.columns for check in checks if check.kind in {"sourceUnique", "sourceReference"}]
    return sorted({*own, *((column,) for column in _referred(source, file))})


def _referred(source: Source, file: str) -> set[str]:
    """Give the columns of a file that checks of the source refer to."""
    targets = [str(check.rule.references).partition(".") for name in source.rules.files for check in source.checks_of(name) if check.kind == "sourceReference"]
    return {column for target, _, column in targets if target == file}


def _distinct(file: str, columns: tuple[str, ...]) -> str:
    """Give the query of the distinct values of columns, none of them null, and how often each is there."""
    names = [f"{quoted(name)} AS k{number}" for number, name in enumerate(columns)]
    filled = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in columns)
    return f"SELECT {', '.join(names)}, count(*) AS records FROM {quoted(file)} WHERE {filled} GROUP BY ALL ORDER BY ALL"
