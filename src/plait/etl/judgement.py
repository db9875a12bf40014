"""The query that turns what a SELECT yields into staged rows: it reads times and numbers, judges the row, and names the person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.duck import literal, quoted
from plait.etl.anchors import anchor_date
from plait.etl.shape import TYPES, Column, Number, OneOf, Reading, Shape, Time, Whole
from plait.etl.tombstones import RULE

if TYPE_CHECKING:
    from plait.etl.sources.folder import Select, Source
    from plait.etl.stage import Task

RESERVED = {"_pointer": "", "_part": "INTEGER", "_ignore": "VARCHAR", "_reject": "VARCHAR", "_merge_key": "VARCHAR"}
"""Columns that a SELECT yields beside those of its shape, and their types."""


def staged_query(task: Task, select: Select, shape: type[Shape], given: set[str]) -> str:
    """Give the query that parses, judges and completes the rows of a SELECT."""
    values = [
        f"{_parsed(name, column, task) if name in given else f'CAST(NULL AS {TYPES[column.kind]})'} AS {quoted(name)}"
        for name, column in shape.columns.items()
        if name != "known_time"
    ]
    if "start" in shape.columns:
        values.append("plait_is_date(CAST(s.start AS VARCHAR)) AS start_is_date" if "start" in given else "CAST(NULL AS BOOLEAN) AS start_is_date")
        if "end" in shape.columns:
            values.append('plait_is_date(CAST(s."end" AS VARCHAR)) AS end_is_date' if "end" in given else "CAST(NULL AS BOOLEAN) AS end_is_date")
        values += _known(shape, given, task)
    reserved = [f"CAST({f's.{name}' if name in given else 'NULL'} AS {kind}) AS {name[1:]}" for name, kind in RESERVED.items() if kind]
    first = 'row_number() OVER (PARTITION BY record, reject IS NULL AND "ignore" IS NULL ORDER BY part) = 1' if "_part" in given else "true"
    person = shape.of_person and shape.name != "person"
    join = f"LEFT JOIN crosswalk AS k ON k.system = {literal(task.source.system)} AND k.identifier = s.person" if person else ""
    fields = ",\n    ".join(
        [
            f"CAST({task.file_id} AS BIGINT) AS file_id",
            f"{literal(task.source.name)} AS source",
            f"{literal(select.file)} AS file",
            f"{literal(task.source.system)} AS system",
            "s._pointer.record AS record",
            "s._pointer.digest AS digest",
            f"{'k.person_id' if person else 'CAST(NULL AS BIGINT)'} AS person_id",
            *values,
            *reserved,
            f"{_judgement(shape, given, task, person=person)} AS judgement",
            f"{_unparsed(shape, given, task)} AS unparsed",
        ]
    )
    return (
        f"SELECT *, {first} AS is_first\n"
        "FROM (SELECT * EXCLUDE (reject, judgement) REPLACE (coalesce(part, 0) AS part), coalesce(reject, split_part(judgement, ':', 1)) AS reject, "
        f"CASE WHEN reject IS NULL THEN nullif(split_part(judgement, ':', 2), '') END AS reject_detail\n"
        f"FROM (SELECT {fields}\nFROM ({select.text}) AS s {join}))"
    )


def faulty_query(task: Task, select: Select, raw: str) -> str:
    """Give the query for the records that no SELECT sees, as rejected rows; as ignored ones without anything else where they are of forgotten persons."""
    kept = f"_fault != {literal(RULE)}"
    return (
        f"SELECT CAST({task.file_id} AS BIGINT) AS file_id, {literal(task.source.name)} AS source, {literal(select.file)} AS file, "
        f"{literal(task.source.system)} AS system, _pointer.record AS record, CASE WHEN {kept} THEN _pointer.digest END AS digest, 0 AS part, "
        f'nullif(_fault, {literal(RULE)}) AS reject, CASE WHEN _fault = {literal(RULE)} THEN _fault END AS "ignore", '
        f"true AS is_first, CAST(0 AS TINYINT) AS unparsed FROM {quoted(raw)} WHERE _fault IS NOT NULL"
    )


def _parsed(name: str, column: Column, task: Task) -> str:
    """Give the expression that reads a column's text."""
    value = f"CAST(s.{quoted(name)} AS VARCHAR)"
    if isinstance(column, Time):
        return _time(value, task)
    if isinstance(column, Number):
        return f"plait_number({value}, {column.below!r})"
    if isinstance(column, Whole):
        return f"plait_whole({value})"
    return value


def _time(value: str, task: Task) -> str:
    return time_of_text(value, task.source, task.time_zone)


def time_of_text(value: str, source: Source, time_zone: str) -> str:
    """Give the expression that reads a time by the source's formats and the study's zone."""
    iso = f"plait_utc_time({value})" if time_zone == "UTC" else f"plait_zoned_time({value}, {literal(time_zone)})"
    if source.anchor is not None:
        iso = f"coalesce(plait_offset({value}, TIMESTAMP {literal(anchor_date(source.anchor))}), {iso})"
    if not source.rules.time_formats:
        return iso
    formats = ", ".join(literal(form) for form in source.rules.time_formats)
    return f"coalesce(try_strptime({value}, [{formats}]), {iso})"


def _known(shape: type[Shape], given: set[str], task: Task) -> list[str]:
    """Give when a record and its end were known: as told, else when they happened (a date alone: at its end)."""
    start = (
        f"plait_known({_time('CAST(s.start AS VARCHAR)', task)}, plait_is_date(CAST(s.start AS VARCHAR)))" if "start" in given else "CAST(NULL AS TIMESTAMP)"
    )
    known = start
    if "known_time" in given:
        told = "CAST(s.known_time AS VARCHAR)"
        known = f"coalesce(plait_known({_time(told, task)}, plait_is_date({told})), {start})"
    columns = [f"{known} AS known_time"]
    if "end" in shape.columns:
        end = 'CAST(s."end" AS VARCHAR)'
        known_end = f"plait_known({_time(end, task)}, plait_is_date({end}))" if "end" in given else "CAST(NULL AS TIMESTAMP)"
        columns.append(f"CASE WHEN {known_end} IS NOT NULL THEN greatest({known}, {known_end}) END AS end_known_time")
    return columns


def _judgement(shape: type[Shape], given: set[str], task: Task, *, person: bool) -> str:
    """Give the expression for why a row is rejected (`reason:column`), null where it is sound."""
    cases = [f"WHEN s.{quoted(name)} IS NULL THEN 'missing_value:{name}'" for name, column in shape.columns.items() if column.required]
    for kind, reason in ((Time, "invalid_time"), (Number, "invalid_number"), (Whole, "invalid_number")):
        cases += [
            f"WHEN s.{quoted(name)} IS NOT NULL AND {_parsed(name, column, task)} IS NULL THEN '{reason}:{name}'"
            for name, column in shape.columns.items()
            if name in given and isinstance(column, kind) and not isinstance(column, Reading)
        ]
    cases += [
        f"WHEN CAST(s.{quoted(name)} AS VARCHAR) NOT IN ({', '.join(map(literal, column.words))}) THEN 'unknown_word:{name}'"
        for name, column in shape.columns.items()
        if name in given and isinstance(column, OneOf)
    ]
    if person:
        cases.append("WHEN k.person_id IS NULL THEN 'unknown_person:person'")
    ignored = "WHEN s._ignore IS NOT NULL THEN NULL " if "_ignore" in given else ""
    return f"CASE {ignored}{' '.join(cases)} END"


def _unparsed(shape: type[Shape], given: set[str], task: Task) -> str:
    """Give the expression for how many readings of a row are no numbers, or larger than can be."""
    readings = [
        f"(s.{quoted(name)} IS NOT NULL AND {_parsed(name, column, task)} IS NULL)::TINYINT"
        for name, column in shape.columns.items()
        if name in given and isinstance(column, Reading)
    ]
    return " + ".join(readings) if readings else "CAST(0 AS TINYINT)"
