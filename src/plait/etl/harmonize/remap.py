"""A CDM's concepts, mapped anew to the loaded vocabulary: by the one mapping join that all codes go through.

What a concept field has is mapped by the concept of its source where the vocabulary knows that one and has a standard concept for it, else by the
concept itself, else by the source value, where the study says which vocabulary that is in. An event whose new concept is of another domain goes
to that domain's table; the fields that both tables have go with it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from plait.duck import literal, make_view, parquet, quoted, sql, write_parquet
from plait.errors import ConfigError
from plait.etl.adopted import ADOPTS, PREFIX
from plait.etl.stage import StagedFile, codes_file
from plait.schema import cdm_tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.books import Notice
    from plait.etl.sources.folder import Source

_PACKAGE = "plait.etl.harmonize"

ROW_COLUMNS = ("file_id", "record", "part", "source", "file", "system", "digest", "person_id", "known_time", "end_known_time")
"""Columns that a staged row has whatever its shape."""


@dataclass(frozen=True, slots=True)
class CodedField:
    """A field of the CDM that holds a concept, and the fields with the concept of its source and its source value, where there are any.

    `is_event` says that it is what the row is an event of: its domain decides the table.
    """

    table: str
    field: str
    source_concept: str | None
    source_value: str | None
    is_event: bool


@cache
def coded_fields() -> tuple[CodedField, ...]:
    """Give every field that is mapped anew."""
    return tuple(
        CodedField(row["table"], row["field"], row["source_concept"] or None, row["source_value"] or None, row["event"] == "yes")
        for row in _rows("coded_fields")
    )


@cache
def event_fields() -> dict[str, dict[str, str]]:
    """Give the fields of each table of events by what they tell: table → role → field."""
    found: dict[str, dict[str, str]] = {}
    for row in _rows("event_fields"):
        found.setdefault(row["table"], {})[row["role"]] = row["field"]
    return found


def _rows(name: str) -> list[dict[str, str]]:
    text = files(_PACKAGE).joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def codes_to_remap(con: duckdb.DuckDBPyConnection, staged: Sequence[StagedFile], sources: Sequence[Source], folder: Path) -> list[StagedFile]:
    """Write the codes by which the concepts of CDMs are mapped anew, for `map_codes`; gives nothing where no source asks for it.

    Leaves the table `adopted_term`.

    Args:
        con: Has the vocabulary.
        staged: All staged files.
        sources: The study's sources.
        folder: Where the codes go.
    """
    asking = {source.name: source.options.get("codes") or {} for source in sources if source.options.get("remap")}
    if not asking:
        return []
    _check_codes(asking)
    con.execute(sql(_PACKAGE, "remap_tables"))
    for source, codes in asking.items():
        for field, vocabulary in codes.items():
            con.execute("INSERT INTO value_vocabulary VALUES (?, ?, ?)", [source, field, vocabulary])
    for coded in coded_fields():
        shape = ADOPTS.get(coded.table, PREFIX + coded.table)
        for source, codes in asking.items():
            paths = [file.path for file in staged if file.shape == shape and file.source == source and file.rows]
            if paths:
                _collect(con, coded, paths, with_value=coded.source_value in codes)
    con.execute(sql(_PACKAGE, "remap_terms"))
    file = folder / "remapped.parquet"
    write_parquet(con, sql(_PACKAGE, "remap_codes"), codes_file(file))
    return [StagedFile(0, "", "", "", str(file), 0, 0)]


def _check_codes(asking: dict[str, dict[str, str]]) -> None:
    """Fail where a vocabulary is named for what is no source value."""
    known = sorted({coded.source_value for coded in coded_fields() if coded.source_value})
    for source, codes in asking.items():
        for field in codes:
            if field not in known:
                raise ConfigError(
                    f"plait.yaml: source '{source}', codes",
                    expected="fields of the CDM that hold source values, each with the vocabulary of its codes",
                    got=f"'{field}'",
                    todo=f"They are: {', '.join(known)}.",
                )


def _collect(con: duckdb.DuckDBPyConnection, coded: CodedField, paths: list[str], *, with_value: bool) -> None:
    """Add what a field holds, each once, to `adopted_code`."""
    concept = f"coalesce(s.{quoted(coded.field)}, 0)"
    values = ", ".join(
        [
            "s.source",
            literal(coded.table),
            literal(coded.field),
            _source_concept(coded, "s"),
            concept,
            _value(coded, "s") if with_value else "''",
            str(coded.is_event).lower(),
            str(coded.source_concept is not None).lower(),
            literal(coded.source_value or ""),
            _wanted_domain(coded),
            f"{concept} IN (SELECT c.concept_id FROM vocabulary.concept AS c)",
            "count(*)",
        ]
    )
    con.execute(f'INSERT INTO adopted_code SELECT {values} FROM {parquet(*paths)} AS s WHERE reject IS NULL AND "ignore" IS NULL GROUP BY ALL')


def _wanted_domain(coded: CodedField) -> str:
    """Give the domain that the specification wants of a field's concept; an event's own domain decides where it goes."""
    field = next(field for field in cdm_tables()[coded.table].fields if field.name == coded.field)
    return "CAST(NULL AS VARCHAR)" if coded.is_event or not field.fk_domain else literal(field.fk_domain)


def _source_concept(coded: CodedField, rows: str) -> str:
    return f"coalesce({rows}.{quoted(coded.source_concept)}, 0)" if coded.source_concept else "0"


def _value(coded: CodedField, rows: str) -> str:
    """Give the SQL for the source value, where nothing else tells what a row is of."""
    if coded.source_value is None:
        return "''"
    return (
        f"CASE WHEN {_source_concept(coded, rows)} = 0 AND coalesce({rows}.{quoted(coded.field)}, 0) = 0 "
        f"THEN coalesce(CAST({rows}.{quoted(coded.source_value)} AS VARCHAR), '') ELSE '' END"
    )


def unknown_concepts(con: duckdb.DuckDBPyConnection, staged: Sequence[StagedFile], sources: Sequence[Source]) -> list[Notice]:
    """Give, by field, how many rows of CDMs have a concept there that the loaded vocabulary does not know: it stays all the same.

    Args:
        con: Has the vocabulary.
        staged: All staged files.
        sources: The study's sources.
    """
    remapped = {source.name for source in sources if source.options.get("remap")}
    notices: list[Notice] = []
    for coded in coded_fields():
        shape = ADOPTS.get(coded.table, PREFIX + coded.table)
        for source, file in sorted({(one.source, one.file) for one in staged if one.shape == shape and one.rows}):
            paths = [one.path for one in staged if (one.source, one.file, one.shape) == (source, file, shape) and one.rows]
            known = "IN (SELECT c.concept_id FROM vocabulary.concept AS c)"
            led = f"AND {_source_concept(coded, 's')} NOT {known}" if source in remapped and coded.source_concept else ""
            row = con.execute(
                f'SELECT count(*) FROM {parquet(*paths)} AS s WHERE reject IS NULL AND "ignore" IS NULL '
                f"AND s.{quoted(coded.field)} != 0 AND s.{quoted(coded.field)} NOT {known} {led}"
            ).fetchone()
            if row and row[0]:
                notices.append((source, file, "unknown_concept", f"{coded.table}.{coded.field}", int(row[0])))
    return notices


def write_remap(con: duckdb.DuckDBPyConnection, file: Path) -> Path:
    """Write what the loaded vocabulary makes of the concepts of CDMs, where that differs from what they have.

    Needs `adopted_term`, `study_map` and `domain_table`.
    """
    write_parquet(con, sql(_PACKAGE, "remap_map"), file)
    return file


def _join(coded: CodedField, alias: str) -> str:
    """Give the join of a row `s` with what one of its fields becomes."""
    return (
        f"{alias}.source = s.source AND {alias}.table_name = {literal(coded.table)} AND {alias}.field = {literal(coded.field)} "
        f"AND {alias}.source_concept_id = {_source_concept(coded, 's')} AND {alias}.concept_id = coalesce(s.{quoted(coded.field)}, 0) "
        f"AND {alias}.source_value = {_value(coded, 's')}"
    )


def with_new_concepts(con: duckdb.DuckDBPyConnection, table: str, rows: str) -> str:
    """Make the table `mapped_TABLE` of the rows of a view with their new concepts, and note what changed; gives its name.

    It has the columns of the view, `fan` (which of several concepts), `new_table_name` and `new_value_concept_id`.
    """
    coded = [field for field in coded_fields() if field.table == table]
    replaced, joins = [], []
    event = "0 AS fan, CAST(NULL AS VARCHAR) AS new_table_name, CAST(NULL AS BIGINT) AS new_value_concept_id"
    for place, field in enumerate(coded):
        alias = f"m{place}"
        joins.append(f"LEFT JOIN adopted_map AS {alias} ON {_join(field, alias)}")
        replaced.append(f"coalesce({alias}.new_concept_id, s.{quoted(field.field)}) AS {quoted(field.field)}")
        if field.source_concept:
            replaced.append(f"coalesce({alias}.new_source_concept_id, s.{quoted(field.source_concept)}) AS {quoted(field.source_concept)}")
        if field.is_event:
            event = f"coalesce({alias}.fan, 0) AS fan, {alias}.new_table_name, {alias}.value_as_concept_id AS new_value_concept_id"
        _note_changes(con, field, rows)
    replace = f" REPLACE ({', '.join(replaced)})" if replaced else ""
    con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(f'mapped_{table}')} AS SELECT s.*{replace}, {event} FROM {quoted(rows)} AS s {' '.join(joins)}")
    return f"mapped_{table}"


def _note_changes(con: duckdb.DuckDBPyConnection, coded: CodedField, rows: str) -> None:
    """Count the rows whose field changes, by person."""
    columns = "source_concept_id, concept_id, new_concept_id, domain_id, new_table_name, mapped_by"
    told = ", ".join(f"m.{column.strip()}" for column in columns.split(","))
    make_view(con, "changing", f"SELECT s.person_id, s.source, {told} FROM {quoted(rows)} AS s INNER JOIN adopted_map AS m ON {_join(coded, 'm')}")
    con.execute(sql(_PACKAGE, "concept_changes"), {"table": coded.table, "field": coded.field})


def events_of(table: str) -> str:
    """Give the SELECT of the rows that go to a table of events: its own that stay, and those of other tables that come to it."""
    own = f"SELECT *, {literal(table)} AS origin FROM {quoted(f'mapped_{table}')} WHERE coalesce(new_table_name, {literal(table)}) = {literal(table)}"
    moved = [_moved(origin, table) for origin in event_fields() if origin != table]
    filled = " REPLACE (coalesce(value_as_concept_id, new_value_concept_id) AS value_as_concept_id)" if "value_concept" in event_fields()[table] else ""
    return f"SELECT *{filled} FROM ({' UNION ALL BY NAME '.join([own, *moved])})"


def _moved(origin: str, table: str) -> str:
    """Give the SELECT of the rows of one table of events that go to another one, with the fields that both have."""
    ours, theirs = event_fields()[table], event_fields()[origin]
    values = [
        f"s.{quoted(theirs[role])} AS {quoted(field)}" for role, field in ours.items() if role in theirs and (role, table) != ("end_date", "drug_exposure")
    ]
    if table == "drug_exposure":
        end = f"s.{quoted(theirs['end_date'])}" if "end_date" in theirs else "NULL"
        values.append(f"coalesce({end}, s.{quoted(theirs['start_date'])}) AS {quoted(ours['end_date'])}")
    own_id = f"s.{quoted(str(cdm_tables()[origin].id_column))} AS {quoted(str(cdm_tables()[table].id_column))}"
    rows = ", ".join(f"s.{column}" for column in ROW_COLUMNS if column != "end_known_time")
    ended = "s.end_known_time" if "end_date" in theirs else "CAST(NULL AS TIMESTAMP) AS end_known_time"
    return (
        f"SELECT {rows}, {ended}, {own_id}, {', '.join(values)}, s.fan, s.new_table_name, s.new_value_concept_id, {literal(origin)} AS origin "
        f"FROM {quoted(f'mapped_{origin}')} AS s WHERE s.new_table_name = {literal(table)}"
    )


def fields_left_behind(origin: str, table: str) -> list[str]:
    """Give the fields of a table of events that another one has no place for."""
    ours = event_fields()[table]
    return [field for role, field in event_fields()[origin].items() if role not in ours]
