"""One shard of persons, from staged rows to CDM rows: a pure function of their records and the vocabulary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plait.duck import literal, make_view, parquet, quoted, sql, write_parquet
from plait.errors import BooksError
from plait.etl.derive.eras import ERAS, derive
from plait.etl.derive.periods import derive_periods
from plait.etl.staging import SHAPES, Shape
from plait.schema import cdm_tables, plait_tables

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from plait.settings import ObservationPeriodSettings

ROWS_PER_PERSON = 1 << 22
"""Row ids are `person_id * ROWS_PER_PERSON + ordinal`: exact in a double for two thousand million persons."""

_PACKAGE = "plait.etl.harmonize"
_DERIVE = "plait.etl.derive"
_PERSON_SHAPES = tuple(name for name, shape in SHAPES.items() if shape.of_person)
_DIMENSION_SHAPES = tuple(name for name, shape in SHAPES.items() if not shape.of_person)
_EVENT_TABLES = ("condition_occurrence", "drug_exposure", "procedure_occurrence", "device_exposure", "measurement", "observation", "specimen")


@dataclass(slots=True)
class ShardResult:
    """What a shard wrote: files by schema and table, fates by (file id, shape), late rejects, unresolved references."""

    files: dict[str, dict[str, str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    fates: list[tuple[int, str, int, int, int]] = field(default_factory=list)
    rejects: list[tuple[int, int, str, str]] = field(default_factory=list)
    notices: list[tuple[str, str | None, str, str | None, int]] = field(default_factory=list)


def harmonize_shard(
    con: duckdb.DuckDBPyConnection, staged: dict[str, list[str]], persons: tuple[int, int], folder: Path, name: str, *, periods: ObservationPeriodSettings
) -> ShardResult:
    """Write the CDM rows of the persons with ids from `persons[0]` to `persons[1]` and give what was written.

    Args:
        con: A cursor of its own, on a connection with the crosswalk, the study map and the reference tables.
        staged: Staged files by shape.
        persons: First and last person id of the shard.
        folder: The warehouse.
        name: What the shard's files are called.
        periods: How observation periods are made.

    Raises:
        BooksError: A person has more rows in one table than ids (2^22).
    """
    result = ShardResult()
    _live_views(con, _PERSON_SHAPES, staged, persons)
    writer = _Writer(con, folder, name, result)
    writer.cdm("person", sql(_PACKAGE, "person"))
    make_view(con, "person_written", f"FROM {parquet(writer.path('cdm', 'person'))}")
    con.execute(sql(_PACKAGE, "visit"))
    writer.cdm("visit_occurrence", sql(_PACKAGE, "visit_occurrence"))
    writer.cdm("visit_detail", sql(_PACKAGE, "visit_detail"))
    con.execute(sql(_PACKAGE, "event"))
    for table in _EVENT_TABLES:
        writer.cdm(table, sql(_PACKAGE, table))
    con.execute(sql(_PACKAGE, "death"))
    writer.cdm("death", sql(_PACKAGE, "death_table"))
    con.execute(sql(_PACKAGE, "note"))
    writer.cdm("note", sql(_PACKAGE, "note_table"))
    con.execute(sql(_PACKAGE, "payer"))
    writer.cdm("payer_plan_period", sql(_PACKAGE, "payer_plan_period"))
    con.execute(sql(_PACKAGE, "cost"))
    writer.cdm("cost", sql(_PACKAGE, "cost_table"))
    con.execute(sql(_PACKAGE, "episode"))
    writer.cdm("episode", sql(_PACKAGE, "episode_table"))
    writer.cdm("episode_event", sql(_PACKAGE, "episode_event"))
    con.execute(sql(_PACKAGE, "period"))
    con.execute(sql(_PACKAGE, "lineage"))
    _derive(con, writer, periods)
    _close(con, writer, result)
    _check_ordinals(con)
    result.notices = [*con.execute(sql(_PACKAGE, "notices")).fetchall(), *con.execute(sql(_DERIVE, "dose_notices")).fetchall()]
    return result


def _derive(con: duckdb.DuckDBPyConnection, writer: _Writer, periods: ObservationPeriodSettings) -> None:
    """Write the tables that follow from the shard's own, and what each of their rows is made of."""
    for table in ("visit_occurrence", "payer_plan_period", *_EVENT_TABLES):
        make_view(con, table, f"FROM {parquet(writer.path('cdm', table))}")
    for table in ERAS:
        writer.cdm(table, derive(con, table))
        con.execute(sql(_DERIVE, "derivation"), {"table": table})
    writer.cdm("observation_period", derive_periods(con, periods))
    if periods.rule == "source":
        con.execute(sql(_DERIVE, "period_lineage"))
    else:
        con.execute(sql(_DERIVE, "derivation"), {"table": "observation_period"})
    writer.book("derivation", "FROM derivation")
    con.execute(sql(_DERIVE, "derived_known"))


def harmonize_dimensions(con: duckdb.DuckDBPyConnection, staged: dict[str, list[str]], folder: Path, name: str) -> ShardResult:
    """Give ids to new dimension rows and write LOCATION, CARE_SITE and PROVIDER, which patients share."""
    result = ShardResult()
    _live_views(con, _DIMENSION_SHAPES, staged, None)
    for shape in _DIMENSION_SHAPES:
        con.execute(sql(_PACKAGE, "dimensions"), {"staged": f"staged_{shape}", "dimension": shape})
    writer = _Writer(con, folder, name, result)
    for shape in _DIMENSION_SHAPES:
        writer.cdm(shape, sql(_PACKAGE, shape))
    con.execute(sql(_PACKAGE, "dimension_lineage"))
    con.execute("CREATE OR REPLACE TEMP TABLE death_row AS SELECT NULL::BIGINT AS file_id, NULL::BIGINT AS record, false AS before_birth WHERE false")
    _close(con, writer, result)
    return result


def _close(con: duckdb.DuckDBPyConnection, writer: _Writer, result: ShardResult) -> None:
    """Write the lineage, and count the fates of records."""
    con.execute(sql(_PACKAGE, "merged"))
    writer.book("lineage", "SELECT * FROM lineage ORDER BY table_name, row_id, file_id, record, role")
    writer.book("row_meta", "SELECT * FROM row_meta ORDER BY table_name, row_id")
    result.fates = con.execute(sql(_PACKAGE, "fates")).fetchall()
    result.rejects = con.execute(sql(_PACKAGE, "late_rejects")).fetchall()


class _Writer:
    """Writes the tables of one shard, each a new immutable file, columns checked against the schema."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path, name: str, result: ShardResult) -> None:
        self.con, self.folder, self.name, self.result = con, folder, name, result
        self.tables = {"cdm": cdm_tables(), "books": plait_tables()}

    def path(self, schema: str, table: str) -> Path:
        return self.folder / schema / table / f"{self.name}.parquet"

    def cdm(self, table: str, query: str) -> None:
        """Write a CDM table."""
        self._write("cdm", table, query)

    def book(self, table: str, query: str) -> None:
        """Write one of plait's own tables."""
        self._write("books", table, query)

    def _write(self, schema: str, table: str, query: str) -> None:
        columns = ", ".join(f"CAST({quoted(f.name)} AS {f.duckdb_type}) AS {quoted(f.name)}" for f in self.tables[schema][table].fields)
        path = self.path(schema, table)
        self.result.rows[table] = write_parquet(self.con, f"SELECT {columns} FROM ({query})", path)
        self.result.files.setdefault(schema, {})[table] = str(path.relative_to(self.folder))


def _live_views(con: duckdb.DuckDBPyConnection, shapes: tuple[str, ...], staged: dict[str, list[str]], persons: tuple[int, int] | None) -> None:
    """Make `live_SHAPE` for each shape: its staged rows less those that another row stands for."""
    con.execute(sql(_PACKAGE, "all_loser"))
    for name in shapes:
        shape = SHAPES[name]
        make_view(con, f"staged_{name}", _staged_view(shape, staged.get(name, []), persons))
        con.execute(sql(_PACKAGE, "losers"), {"staged": f"staged_{name}", "same_key": shape.same_key})
        con.execute("INSERT INTO all_loser SELECT $shape, * FROM loser", {"shape": name})
        lost = con.execute("SELECT count(*) FROM loser").fetchone()
        anti = f"ANTI JOIN (FROM all_loser WHERE shape = {literal(name)}) AS l USING (file_id, record, part)" if lost and lost[0] else ""
        make_view(con, f"live_{name}", f"SELECT s.* FROM {quoted(f'staged_{name}')} AS s {anti}")


def _staged_view(shape: type[Shape], paths: list[str], persons: tuple[int, int] | None) -> str:
    """Give the SELECT over the staged rows of a shape that go on, with what makes them one: `key_space`, `key`."""
    of_record = "source || '/' || file || '/' || part AS key_space, digest AS key"
    key = f"system AS key_space, {quoted(shape.key)} AS key" if shape.key else of_record
    if not paths:
        return f"SELECT *, {key} FROM ({_empty(shape)})"
    where = 'reject IS NULL AND "ignore" IS NULL'
    if shape.name == "person" and persons is not None:
        where += f" AND person IN (SELECT k.identifier FROM crosswalk AS k WHERE k.system = p.system AND k.person_id BETWEEN {persons[0]} AND {persons[1]})"
    elif persons is not None:
        where += f" AND person_id BETWEEN {persons[0]} AND {persons[1]}"
    return f"SELECT *, {key} FROM {parquet(*paths)} AS p WHERE {where}"


def _empty(shape: type[Shape]) -> str:
    """Give a SELECT without rows in the columns of a staged shape."""
    types = {"text": "VARCHAR", "time": "TIMESTAMP", "number": "DOUBLE"}
    columns = {
        "file_id": "BIGINT",
        "source": "VARCHAR",
        "file": "VARCHAR",
        "system": "VARCHAR",
        "record": "BIGINT",
        "digest": "UUID",
        "person_id": "BIGINT",
        "part": "INTEGER",
        "merge_into": "BIGINT",
    }
    columns |= {name: types[column.kind] for name, column in shape.columns.items()}
    if "start" in shape.columns:
        columns |= {"start_is_date": "BOOLEAN", "known_time": "TIMESTAMP"}
    if "end" in shape.columns:
        columns |= {"end_is_date": "BOOLEAN", "end_known_time": "TIMESTAMP"}
    return "SELECT " + ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in columns.items()) + " WHERE false"


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
