"""One shard of persons, from staged rows to CDM rows: a pure function of their records and the vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.duck import connect, literal, make_view, parquet, quoted, sql, write_parquet
from plait.errors import BooksError
from plait.etl.adopted import table_of
from plait.etl.harmonize.adopt import adopt_rows, adopted_select, adopted_shapes, note_unmet
from plait.etl.harmonize.derived import EVENT_TABLES, write_derived
from plait.etl.harmonize.live import live_views
from plait.etl.harmonize.reference import load_reference
from plait.etl.harmonize.remap import with_new_concepts
from plait.etl.harmonize.row_ids import ROWS_PER_PERSON, person_of
from plait.etl.manifest import read_manifest, write_manifest
from plait.etl.notes.findings import Notes, make_findings
from plait.etl.staging import OWN, SHAPES
from plait.schema import TableSpec, cdm_tables, plait_tables

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from plait.settings import ObservationPeriodSettings


_PACKAGE = "plait.etl.harmonize"
_DERIVE = "plait.etl.derive"
_NOTES = "plait.etl.notes"
_NOTICES = ((_PACKAGE, "notices"), (_DERIVE, "dose_notices"), (_NOTES, "language_notices"))
_PERSON_SHAPES = tuple(name for name, shape in OWN.items() if shape.of_person)
_SHARED_SHAPES = tuple(name for name, shape in OWN.items() if not shape.of_person)
_DIMENSION_SHAPES = tuple(name for name in _SHARED_SHAPES if name != "link")
_DIMENSION_TABLES = {"feature": "omics_feature"}


@dataclass(frozen=True, slots=True)
class Inputs:
    """What every shard of a run reads, all of it in files, so that a shard can be done in any thread or process.

    `staged` are the files of staged rows by shape, all with the person's id. `persons` names who is there and whether they are to be
    computed (`changed`), stay as they are (`same`) or have left (`gone`); the other files hold the dimension ids, the study map, what is
    known of its drugs, what its gene names mean, what became of its links, which specimens several persons claim, and what concepts of
    adopted CDMs become (None where none is mapped anew). `panels` names (source, panel, pattern of its samples), `notes` says where lies
    what was read of them.
    """

    warehouse: Path
    staged: dict[str, list[str]]
    persons: Path
    dimension_ids: Path
    study_map: Path
    rules: tuple[tuple[str, str, bool, str | None, str | None], ...]
    drugs: dict[str, Path]
    genes: Path
    links: Path
    contested: Path
    adopted_map: Path | None
    panels: tuple[tuple[str, str, str | None], ...]
    periods: ObservationPeriodSettings
    notes: Notes
    threads: int
    memory: str | None
    spill: Path


@dataclass(frozen=True, slots=True)
class Shard:
    """A range of person ids to compute, under which name, and the files of the version before (None: from scratch).

    `manifest` is where it is said that the shard is done, `key` a digest of all that its rows depend on.
    """

    inputs: Inputs
    number: int
    first: int
    last: int
    name: str
    before: dict[str, dict[str, str]] | None
    manifest: Path
    key: str


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What a shard wrote: its files, relative to the warehouse, and their rows, by schema and table."""

    number: int
    files: dict[str, dict[str, str]]
    rows: dict[str, dict[str, int]]


def harmonize_shard(shard: Shard) -> ShardResult:
    """Compute the changed persons of a shard and write its tables, with the rows of those who stay as they are.

    What a run that was stopped had finished is taken as it is.

    Raises:
        BooksError: A person has more rows in one table than ids (2^22).
    """
    finished = read_manifest(shard.manifest)
    if finished is not None and finished["key"] == shard.key:
        return ShardResult(shard.number, finished["tables"], finished["rows"])
    result = _harmonized(shard)
    written = [shard.inputs.warehouse / file for files in result.files.values() for file in files.values()]
    write_manifest(shard.manifest, written, {"key": shard.key, "tables": result.files, "rows": result.rows})
    return result


def _harmonized(shard: Shard) -> ShardResult:
    """Compute a shard on a connection of its own."""
    with connect(threads=shard.inputs.threads, memory=shard.inputs.memory, spill=shard.inputs.spill) as con:
        _load_inputs(con, shard.inputs)
        make_view(con, "person_state", f"FROM {parquet(shard.inputs.persons)} WHERE person_id BETWEEN {shard.first} AND {shard.last}")
        con.execute(sql(_PACKAGE, "persons"))
        make_view(con, "contested", f"FROM {parquet(shard.inputs.contested)}")
        adopted = tuple(shape for shape in adopted_shapes(shard.inputs.staged, remap=shard.inputs.adopted_map is not None) if SHAPES[shape].of_person)
        live_views(con, (*_PERSON_SHAPES, *adopted), shard.inputs.staged, (shard.first, shard.last))
        writer = _Writer(con, shard.inputs, shard.name, shard.before)
        _write_tables(con, writer, shard.number, adopted)
        _close(con, writer, (*_PERSON_SHAPES, *adopted))
        writer.book("time_anchor", sql(_PACKAGE, "time_anchor"))
        _check_ordinals(con)
        writer.book("person_notices", f"{_notices()} UNION ALL FROM adopted_notice ORDER BY ALL")
        return writer.finish(shard.number)


def _notices() -> str:
    """Give the SELECT of all that is noticed of a shard's persons."""
    return " UNION ALL ".join(f"FROM ({sql(package, name)})" for package, name in _NOTICES)


def harmonize_dimensions(inputs: Inputs, name: str, before: Path | None) -> ShardResult:
    """Give ids to new dimension rows and write LOCATION, CARE_SITE and PROVIDER, which patients share.

    Args:
        inputs: What the run reads; the ids go to its `dimension_ids`.
        name: What the files are called.
        before: The ids of the version before.
    """
    with connect(threads=inputs.threads, memory=inputs.memory, spill=inputs.spill) as con:
        con.execute(sql(_PACKAGE, "dimension_before"))
        if before is not None:
            con.execute("INSERT INTO dimension_id FROM read_parquet($file, hive_partitioning = false)", {"file": str(before)})
        adopted = tuple(shape for shape in adopted_shapes(inputs.staged, remap=False) if not SHAPES[shape].of_person)
        live_views(con, (*_SHARED_SHAPES, *adopted), inputs.staged, None)
        make_view(con, "link_fate", f"FROM {parquet(inputs.links)}")
        for shape in _DIMENSION_SHAPES:
            con.execute(sql(_PACKAGE, "dimensions"), {"staged": f"staged_{shape}", "dimension": shape})
        write_parquet(con, sql(_PACKAGE, "dimension_ids"), inputs.dimension_ids)
        _load_inputs(con, inputs)
        writer = _Writer(con, inputs, name, None)
        con.execute(sql(_PACKAGE, "adopted"))
        for shape in _DIMENSION_SHAPES:
            table = _DIMENSION_TABLES.get(shape, shape)
            writer.cdm(table, sql(_PACKAGE, table))
            if any(name == f"{table}_id" for name in SHAPES[shape].columns):
                make_view(con, "of_a_cdm", f"FROM {quoted(f'live_{shape}')} WHERE {quoted(f'{table}_id')} IS NOT NULL")
                live = with_new_concepts(con, table, "of_a_cdm") if inputs.adopted_map is not None else "of_a_cdm"
                con.execute(sql(_PACKAGE, "adopted_shared"), {"live": live, "dimension": shape})
                note_unmet(con, table, "adopted_shared")
                writer.extend(table, adopted_select(table, "adopted_shared", "s.row_id"))
        make_view(con, "omics_feature_written", f"FROM {parquet(writer.path('cdm', 'omics_feature'))}")
        writer.book("person_notices", f"FROM ({sql(_PACKAGE, 'feature_notices')}) UNION ALL FROM adopted_notice ORDER BY ALL")
        con.execute(sql(_PACKAGE, "dimension_lineage"))
        for shape in adopted:
            _write_as_is(con, writer, shape)
        con.execute(sql(_PACKAGE, "dimension_reject"))
        _close(con, writer, (*_SHARED_SHAPES, *adopted))
        return writer.finish(-1)


def _load_inputs(con: duckdb.DuckDBPyConnection, inputs: Inputs) -> None:
    """Make the tables that a shard looks things up in."""
    make_view(con, "study_map", f"FROM {parquet(inputs.study_map)}")
    make_view(con, "dimension_ids_now", f"FROM {parquet(inputs.dimension_ids)}")
    con.execute(sql(_PACKAGE, "inputs"))
    load_reference(con, inputs.rules)
    for name, path in inputs.drugs.items():
        make_view(con, name, f"FROM {parquet(path)}")
    make_view(con, "gene_map", f"FROM {parquet(inputs.genes)}")
    con.execute(sql(_PACKAGE, "concept_change"))
    if inputs.adopted_map is not None:
        con.execute("CREATE TABLE adopted_map AS FROM read_parquet($file, hive_partitioning = false)", {"file": str(inputs.adopted_map)})
    con.execute(sql(_PACKAGE, "panel_rule"))
    for rank, panel in enumerate(inputs.panels):
        con.execute("INSERT INTO panel_rule SELECT $1, $2, $3, $4 WHERE $3 IS NOT NULL", [*panel, rank])
        con.execute("INSERT INTO panel_name VALUES ($1)", [panel[1]])


def _write_as_is(con: duckdb.DuckDBPyConnection, writer: _Writer, shape: str) -> None:
    """Write the rows of a CDM's table that is of no person, with the ids that they have."""
    table = table_of(shape)
    key = quoted(str(SHAPES[shape].key))
    writer.cdm(table, adopted_select(table, f"live_{shape}", f"s.{key}"))
    con.execute(f"INSERT INTO lineage SELECT {literal(table)}, {key}, NULL, source, file, {literal(shape)}, digest, 'loaded' FROM {quoted(f'live_{shape}')}")


def _extend_adopted(con: duckdb.DuckDBPyConnection, writer: _Writer, table: str) -> None:
    """Add the rows of a CDM to a table whose records come as a shape that other sources give, too."""
    rows = f"adopted_{table}"
    if con.execute(f"SELECT 1 FROM {quoted(rows)} LIMIT 1").fetchone() is None:
        return
    if writer.inputs.adopted_map is not None:
        rows = with_new_concepts(con, table, rows)
    note_unmet(con, table, rows)
    writer.extend(table, adopted_select(table, rows, "s.person_id"))


def _write_tables(con: duckdb.DuckDBPyConnection, writer: _Writer, shard: int, adopted: tuple[str, ...]) -> None:
    """Write the CDM tables of the changed persons, and make their lineage."""
    con.execute(sql(_PACKAGE, "adopted"))
    con.execute(sql(_PACKAGE, "chosen_person"))
    writer.cdm("person", sql(_PACKAGE, "person"))
    _extend_adopted(con, writer, "person")
    make_view(con, "person_written", f"FROM {parquet(writer.part('cdm', 'person'))}")
    con.execute(sql(_PACKAGE, "visit"))
    writer.cdm("visit_occurrence", sql(_PACKAGE, "visit_occurrence"))
    writer.cdm("visit_detail", sql(_PACKAGE, "visit_detail"))
    con.execute(sql(_PACKAGE, "specimen_row"))
    con.execute(sql(_PACKAGE, "image"))
    con.execute(sql(_PACKAGE, "note"))
    writer.cdm("note", sql(_PACKAGE, "note_table"))
    make_findings(con, writer.inputs.notes, shard)
    if writer.inputs.notes.extractors:
        writer.cdm("note_nlp", sql(_NOTES, "note_nlp"))
    con.execute(sql(_PACKAGE, "fact"))
    con.execute(sql(_PACKAGE, "event"))
    for table in EVENT_TABLES:
        writer.cdm(table, sql(_PACKAGE, table))
    con.execute(sql(_PACKAGE, "absence"))
    writer.book("absence", sql(_PACKAGE, "absence_table"))
    con.execute(sql(_PACKAGE, "omics_row"))
    for table in ("omics_occurrence", "omics_variant"):
        writer.cdm(table, sql(_PACKAGE, table))
    con.execute(sql(_PACKAGE, "image_row"))
    for table in ("image_occurrence", "image_feature"):
        writer.cdm(table, sql(_PACKAGE, table))
    for table in ("image_item", "image_file"):
        writer.book(table, sql(_PACKAGE, table))
    con.execute(sql(_PACKAGE, "death"))
    writer.cdm("death", sql(_PACKAGE, "death_table"))
    _extend_adopted(con, writer, "death")
    con.execute(sql(_PACKAGE, "payer"))
    writer.cdm("payer_plan_period", sql(_PACKAGE, "payer_plan_period"))
    con.execute(sql(_PACKAGE, "cost"))
    writer.cdm("cost", sql(_PACKAGE, "cost_table"))
    con.execute(sql(_PACKAGE, "episode"))
    writer.cdm("episode", sql(_PACKAGE, "episode_table"))
    writer.cdm("episode_event", sql(_PACKAGE, "episode_event"))
    con.execute(sql(_PACKAGE, "period"))
    con.execute(sql(_PACKAGE, "lineage"))
    con.execute(sql(_NOTES, "finding_lineage"))
    if adopted:
        adopt_rows(con, writer, adopted, remap=writer.inputs.adopted_map is not None)
    write_derived(con, writer, writer.inputs.periods, adopted)
    con.execute(sql(_PACKAGE, "late_reject"))
    if adopted:
        con.execute("INSERT INTO late_reject FROM adopted_reject")


def _close(con: duckdb.DuckDBPyConnection, writer: _Writer, shapes: tuple[str, ...]) -> None:
    """Write the lineage, and count the fates of records."""
    con.execute(sql(_PACKAGE, "merged"))
    staged = " UNION ALL ".join(
        f"SELECT person_id, source, file, {literal(name)} AS shape, digest, is_first FROM {quoted(f'staged_{name}')}" for name in shapes
    )
    make_view(con, "all_staged", staged)
    writer.book("person_fates", sql(_PACKAGE, "fates"))
    writer.book("concept_change", "FROM concept_change ORDER BY ALL")
    writer.book("person_rejects", "FROM late_reject ORDER BY ALL")
    writer.book("lineage_key", "FROM lineage ORDER BY table_name, row_id, shape, source, file, digest, role")
    writer.book("row_meta", "FROM row_meta ORDER BY table_name, row_id")


class _Writer:
    """Writes the tables of one shard, each a new immutable file, columns checked against the schema.

    Where persons stay as they are, the new rows go to part files first, and `finish` joins them with theirs.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, inputs: Inputs, name: str, before: dict[str, dict[str, str]] | None) -> None:
        self.con, self.inputs, self.name, self.before = con, inputs, name, before
        self.staged = inputs.staged
        self.tables = {"cdm": cdm_tables(), "books": plait_tables()}
        self.rows: dict[str, dict[str, int]] = {"cdm": {}, "books": {}}

    def path(self, schema: str, table: str) -> Path:
        """Where a table's file of this shard stands."""
        return self.inputs.warehouse / schema / table / f"{self.name}.parquet"

    def part(self, schema: str, table: str) -> Path:
        """Where the new rows of a table stand: in its file, or in a part of it."""
        return self.path(schema, table) if self.before is None else self.inputs.spill / f"{self.name}.{schema}.{table}.parquet"

    def cdm(self, table: str, query: str) -> None:
        """Write the new rows of a CDM table."""
        self._write("cdm", table, query)

    def book(self, table: str, query: str) -> None:
        """Write the new rows of one of plait's own tables."""
        self._write("books", table, query)

    def extend(self, table: str, query: str) -> None:
        """Add rows to the new rows of a CDM table, where there are any."""
        spec, part = self.tables["cdm"][table], self.part("cdm", table)
        if not part.is_file():
            return self._write("cdm", table, f"FROM ({query}) ORDER BY {_order(spec)}")
        there = self.con.execute(f"SELECT 1 FROM ({query}) LIMIT 1").fetchone()
        if there is not None:
            self._write("cdm", table, f"FROM (FROM {parquet(part)} UNION ALL BY NAME {query}) ORDER BY {_order(spec)}")
        return None

    def finish(self, number: int) -> ShardResult:
        """Join new rows with those of persons who stay as they are, and say what stands where."""
        if self.before is not None:
            for schema, tables in self.rows.items():
                for table in tables:
                    self._join(schema, table, self.before.get(schema, {}).get(table))
        files = {schema: {table: str(self.path(schema, table).relative_to(self.inputs.warehouse)) for table in tables} for schema, tables in self.rows.items()}
        return ShardResult(number, files, self.rows)

    def _write(self, schema: str, table: str, query: str) -> None:
        columns = ", ".join(f"CAST({quoted(f.name)} AS {f.duckdb_type}) AS {quoted(f.name)}" for f in self.tables[schema][table].fields)
        self.rows[schema][table] = write_parquet(self.con, f"SELECT {columns} FROM ({query})", self.part(schema, table))

    def _join(self, schema: str, table: str, before: str | None) -> None:
        spec = self.tables[schema][table]
        query = f"FROM {parquet(self.part(schema, table))}"
        if before is not None:
            kept = f"FROM {parquet(self.inputs.warehouse / before)} WHERE {person_of(spec)} IN (SELECT s.person_id FROM same_person AS s)"
            query = f"FROM ({query} UNION ALL {kept}) ORDER BY {_order(spec)}"
        self.rows[schema][table] = write_parquet(self.con, query, self.path(schema, table))
        self.part(schema, table).unlink()


def _order(spec: TableSpec) -> str:
    """Give the order of the rows of a table."""
    return quoted(spec.id_column) if spec.id_column else ", ".join(quoted(column) for column in _ORDER.get(spec.name, spec.columns))


_ORDER = {
    "death": ("person_id",),
    "episode_event": ("episode_id", "episode_event_field_concept_id", "event_id"),
    "row_meta": ("table_name", "row_id"),
    "lineage_key": ("table_name", "row_id", "shape", "source", "file", "digest", "role"),
}
"""Order of the rows of tables whose rows have no id of their own; by all columns where none is given."""


def _check_ordinals(con: duckdb.DuckDBPyConnection) -> None:
    """Fail where a person has more rows in one table than there are ids for."""
    row = con.execute(
        "SELECT table_name, max(row_id - person_id * $rows) FROM row_meta WHERE row_id != person_id GROUP BY table_name ORDER BY 2 DESC LIMIT 1",
        {"rows": ROWS_PER_PERSON},
    ).fetchone()
    if row and row[1] is not None and row[1] >= ROWS_PER_PERSON:
        raise BooksError(
            f"table {row[0]}",
            expected=f"at most {ROWS_PER_PERSON:,} rows of one person",
            got="more",
            todo="Look for a source that gives one identifier to many persons.",
        )
