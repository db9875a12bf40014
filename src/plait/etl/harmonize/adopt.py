"""Rows of a CDM that are adopted as they are: they get ids of the study, and what they point at is found again.

A row keeps every field. Its id becomes `person_id * 2^22 + ordinal` as that of any other row, the rows of a person in the order of
the ids that they had, behind those that plait made of other sources; so a CDM that plait wrote gets the ids back that it had. A
field that points at another row follows it; one that points at nothing becomes null, which is noticed, or, where a row means nothing
without it, the row is rejected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from plait.duck import literal, make_view, parquet, quoted, sql
from plait.etl.adopted import ADOPTED, DERIVED, DIMENSIONS, OF_NO_PERSON, PREFIX, Reference, references, table_of
from plait.etl.harmonize.remap import event_fields, events_of, fields_left_behind, with_new_concepts
from plait.schema import TableSpec, cdm_tables

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

_PACKAGE = "plait.etl.harmonize"


class Writer(Protocol):
    """Writes the tables of a shard, whose staged files are `staged`, by shape."""

    staged: dict[str, list[str]]

    def cdm(self, table: str, query: str) -> None:
        """Write the new rows of a CDM table."""
        ...

    def book(self, table: str, query: str) -> None:
        """Write the new rows of one of plait's own tables."""
        ...

    def part(self, schema: str, table: str) -> Path:
        """Where the new rows of a table stand."""
        ...

    def extend(self, table: str, query: str) -> None:
        """Add rows to those of a CDM table."""
        ...


def adopted_shapes(staged: dict[str, list[str]], *, remap: bool) -> tuple[str, ...]:
    """Give the shapes of a CDM's own tables that some source has rows of, or that rows may go to when they are mapped anew."""
    return tuple(shape for shape in ADOPTED if staged.get(shape) or (remap and table_of(shape) in event_fields()))


def adopted_select(table: str, rows: str, own_id: str) -> str:
    """Give the SELECT that makes rows of a CDM table of those of the view `rows`.

    Args:
        table: The table.
        rows: A view of staged rows with the table's fields; rows of it are called `s`.
        own_id: SQL for the new id of a row.
    """
    spec = cdm_tables()[table]
    pointing = {reference.field: reference for reference in references(table)}
    naming = {str(reference.named_by): reference for reference in pointing.values() if reference.named_by}
    aliases = {field.name: f"j{place}" for place, field in enumerate(spec.fields)}
    values: list[str] = []
    joins: list[str] = []
    for field in spec.fields:
        name = f"s.{quoted(field.name)}"
        alias = aliases[field.name]
        if field.name == spec.id_column:
            value = own_id
        elif field.name in {"person_id", "subject_id"}:
            value = "s.person_id"
        elif field.name in DIMENSIONS:
            joins.append(_dimension_join(alias, field.name))
            value = f"{alias}.id"
        elif field.name in pointing:
            joins.append(_reference_join(alias, pointing[field.name]))
            is_zero = field.required and pointing[field.name].named_by and not pointing[field.name].needed
            value = f"coalesce({alias}.row_id, 0)" if is_zero else f"{alias}.row_id"
        elif field.name in naming:
            moved = aliases[naming[field.name].field]
            value = f"CASE WHEN {moved}.new_table_name != {moved}.table_name THEN CAST(t{moved}.name AS {field.duckdb_type}) ELSE {name} END"
        elif field.required and field.name.endswith("_concept_id"):
            value = f"coalesce({name}, 0)"
        else:
            value = name
        values.append(f"{value} AS {quoted(field.name)}")
    return f"SELECT {', '.join(values)} FROM {quoted(rows)} AS s {' '.join(joins)}"


def _dimension_join(alias: str, field: str) -> str:
    """Give the join with the row that patients share which a field names."""
    same = f"s.system = {alias}.system AND CAST(s.{quoted(field)} AS VARCHAR) = {alias}.key"
    return f"LEFT JOIN dimension_id AS {alias} ON {alias}.dimension = {literal(DIMENSIONS[field])} AND {same}"


def _reference_join(alias: str, reference: Reference) -> str:
    """Give the join with the row of the same person that a field points at."""
    same = f"s.person_id = {alias}.person_id AND s.system = {alias}.system AND s.{quoted(reference.field)} = {alias}.own_id"
    if reference.target is not None:
        target = literal(reference.target)
        return f"LEFT JOIN adopted_ref AS {alias} ON {alias}.table_name = {target} AND {alias}.new_table_name = {target} AND {same}"
    name = f"CAST(s.{quoted(str(reference.named_by))} AS VARCHAR)"
    named = f"LEFT JOIN named_table AS n{alias} ON n{alias}.kind = {literal(reference.kind)} AND n{alias}.name = {name}"
    found = f"LEFT JOIN adopted_ref AS {alias} ON {alias}.table_name = n{alias}.table_name AND {same}"
    return f"{named} {found} LEFT JOIN named_table AS t{alias} ON t{alias}.kind = {literal(reference.kind)} AND t{alias}.table_name = {alias}.new_table_name"


def adopt_rows(con: duckdb.DuckDBPyConnection, writer: Writer, shapes: Iterable[str], *, remap: bool) -> None:
    """Add the adopted rows of a shard to its tables, and make their lineage; those that may be derived come later (see `adopt_derived`).

    Args:
        con: Has the views `live_SHAPE`, the tables `lineage`, `row_meta` and `crosswalk` of the shard, and those of `adopted.sql`.
        writer: Has written the rows that were made of other sources.
        shapes: The shapes of a CDM's own tables.
        remap: Whether concepts are mapped anew, by the table `adopted_map`.
    """
    tables = [table_of(shape) for shape in shapes]
    for table in tables:
        mapped = with_new_concepts(con, table, f"live_{PREFIX}{table}") if remap else f"live_{PREFIX}{table}"
        more = f"{literal(table)} AS origin" if remap else f"0 AS fan, {literal(table)} AS origin"
        make_view(con, f"sound_{table}", f"SELECT *, {more} FROM {quoted(mapped)}")
    if remap:
        for table in event_fields():
            make_view(con, f"sound_{table}", events_of(table))
            _note_left_behind(con, table)
    plain = [table for table in tables if table not in DERIVED and not _needed(table)]
    for table in plain:
        make_view(con, f"adoptable_{table}", f"FROM {quoted(f'sound_{table}')}")
        _number(con, writer, table)
    con.execute(sql(_PACKAGE, "adopted_ref"))
    needy = [table for table in tables if _needed(table)]
    for table in needy:
        _leave_out_unmet(con, table)
        _number(con, writer, table)
    for table in (*plain, *needy):
        _adopt(con, writer, table)
    if "cost" in tables:
        con.execute(sql(_PACKAGE, "adopted_cost_known"))


def adopt_derived(con: duckdb.DuckDBPyConnection, writer: Writer, table: str) -> None:
    """Add the adopted rows of a table that plait has derived for persons of other sources; the table `rebuilt` names those whose rows it derived anew."""
    live = f"sound_{table}"
    make_view(
        con, f"adoptable_{table}", f"FROM {quoted(live)} WHERE person_id NOT IN (SELECT r.person_id FROM rebuilt AS r WHERE r.table_name = {literal(table)})"
    )
    con.execute(sql(_PACKAGE, "adopted_rebuilt"), {"live": live, "shape": PREFIX + table, "table": table})
    _number(con, writer, table)
    _adopt(con, writer, table)


def _needed(table: str) -> list[Reference]:
    return [reference for reference in references(table) if reference.needed]


def _leave_out_unmet(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make the view of the rows of a table whose needed references are met, and reject the others."""
    live = f"sound_{table}"
    needed = _needed(table)
    joins = " ".join(_reference_join(f"j{place}", reference) for place, reference in enumerate(needed))
    met = " AND ".join(f"j{place}.row_id IS NOT NULL" for place in range(len(needed)))
    con.execute(f"CREATE OR REPLACE TEMP TABLE met AS SELECT s.file_id, s.record, s.part FROM {quoted(live)} AS s {joins} WHERE {met}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(f'met_{table}')} AS FROM met")
    make_view(con, f"adoptable_{table}", f"FROM {quoted(live)} SEMI JOIN {quoted(f'met_{table}')} USING (file_id, record, part)")
    con.execute(sql(_PACKAGE, "adopted_unmet"), {"live": live, "shape": PREFIX + table})


def _number(con: duckdb.DuckDBPyConnection, writer: Writer, table: str) -> None:
    """Give ids to the adopted rows of a table that has some, behind those that it has of other sources."""
    own = cdm_tables()[table].id_column
    if own is None:
        return
    part = writer.part("cdm", table)
    before = f"FROM {parquet(part)}" if part.is_file() else "SELECT CAST(NULL AS BIGINT) AS person_id WHERE false"
    has_person = "person_id" in cdm_tables()[table].columns
    make_view(con, "written_before", before if has_person or not part.is_file() else f"SELECT {quoted(own)} // 4194304 AS person_id {before}")
    make_view(con, "to_number", f"SELECT *, {quoted(own)} AS own_id FROM {quoted(f'adoptable_{table}')}")
    con.execute(sql(_PACKAGE, "adopted_number"), {"table": table})
    con.execute(sql(_PACKAGE, "adopted_remember"), {"table": table})
    con.execute(f"DROP TABLE IF EXISTS {quoted(f'numbered_{table}')}")
    con.execute(f"ALTER TABLE numbered RENAME TO {quoted(f'numbered_{table}')}")


def _adopt(con: duckdb.DuckDBPyConnection, writer: Writer, table: str) -> None:
    """Write the adopted rows of a table, and say where they come from and when they were known."""
    spec = cdm_tables()[table]
    rows = f"adoptable_{table}"
    if spec.id_column is not None:
        rows = f"numbered_{table}"
        con.execute(_lineage(spec))
        if "start" in ADOPTED[PREFIX + table].columns:
            con.execute(_row_meta(spec))
    else:
        con.execute(_lineage_of_person(spec))
    note_unmet(con, table, rows)
    writer.extend(table, adopted_select(table, rows, "s.row_id"))


def _note_left_behind(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Note how many rows came to a table that has no place for what one of their fields tells."""
    for origin in event_fields():
        for field in fields_left_behind(origin, table) if origin != table else ():
            rows = quoted(f"mapped_{origin}")
            told = f"WHERE new_table_name = {literal(table)} AND {quoted(field)} IS NOT NULL AND CAST({quoted(field)} AS VARCHAR) != '0'"
            make_view(con, "pointing", f"SELECT person_id, source, file, NULL AS found FROM {rows} {told}")
            con.execute(sql(_PACKAGE, "adopted_notice"), {"kind": "left_behind", "detail": f"{origin}.{field}"})


def _lineage(spec: TableSpec) -> str:
    person = "CAST(NULL AS BIGINT)" if spec.name in OF_NO_PERSON else "person_id"
    return (
        f"INSERT INTO lineage SELECT {literal(spec.name)}, row_id, {person}, source, file, {literal(PREFIX)} || origin, digest, 'loaded' "
        f"FROM {quoted(f'numbered_{spec.name}')}"
    )


def _row_meta(spec: TableSpec) -> str:
    end = "end_known_time"
    return f"INSERT INTO row_meta SELECT {literal(spec.name)}, row_id, person_id, known_time, {end} FROM {quoted(f'numbered_{spec.name}')}"


def _lineage_of_person(spec: TableSpec) -> str:
    """Give the lineage of rows that have no id: they are found by their person."""
    return (
        f"INSERT INTO lineage SELECT {literal(spec.name)}, person_id, person_id, source, file, {literal(PREFIX)} || origin, digest, 'loaded' "
        f"FROM {quoted(f'adoptable_{spec.name}')}"
    )


def note_unmet(con: duckdb.DuckDBPyConnection, table: str, rows: str) -> None:
    """Note how many rows of a table point at nothing, by field."""
    spec = cdm_tables()[table]
    pointing = [(reference.field, _reference_join("j", reference), "j.row_id") for reference in references(table) if not reference.needed]
    pointing += [(field, _dimension_join("j", field), "j.id") for field in DIMENSIONS if field in spec.columns and field != spec.id_column]
    for field, join, found in pointing:
        make_view(con, "pointing", f"SELECT s.person_id, s.source, s.file, {found} AS found FROM {quoted(rows)} AS s {join} WHERE s.{quoted(field)} != 0")
        con.execute(sql(_PACKAGE, "adopted_notice"), {"kind": "unknown_reference", "detail": f"{table}.{field}"})
