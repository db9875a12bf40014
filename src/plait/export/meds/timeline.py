"""The events of each person in the order of time: `data/0.parquet`, `data/1.parquet`, …, of whole persons each.

Each table of the CDM is read once, as it leaves the study, and its events are laid down by file; then each file is sorted on its own. Nothing
holds more in memory than the events of one file.
"""

from __future__ import annotations

import base64
import shutil
from typing import TYPE_CHECKING

from plait.duck import literal, make_view, parquet, quoted, sql
from plait.errors import ExportError
from plait.export.deidentify import tables
from plait.schema import cdm_tables, empty_select

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from plait.etl.run import Progress

EVENT_TABLES = (
    "person",
    "visit_occurrence",
    "visit_detail",
    "episode",
    "condition_occurrence",
    "procedure_occurrence",
    "drug_exposure",
    "device_exposure",
    "measurement",
    "observation",
    "note",
    "specimen",
    "image_occurrence",
    "omics_occurrence",
    "omics_variant",
    "death",
)
"""Tables of the CDM whose rows are events; what is derived from these (eras, periods, findings in notes) and what is paid are none."""

EVENTS_PER_FILE = 2_000_000
"""About how many events a file has: what must fit into memory while it is sorted."""

_PACKAGE = "plait.export.meds"
_LAID = ".events"
"""Folder for events that are not yet in order, while a package is written."""


class Timeline:
    """Events on their way into files.

    Args:
        con: A connection that `plait.export.deidentify.tables.prepare` prepared.
        folder: The package.
        codes: Which code an event has: the `standard` concept's, or that of the `source`, where there are both.
        withhold: Tables of which no row leaves.
        events_per_file: About how many events a file has.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path, codes: str, withhold: Collection[str], *, events_per_file: int = EVENTS_PER_FILE) -> None:
        self.con, self.folder = con, folder
        self.rows: dict[str, int] = {}
        self.events: dict[str, int] = {}
        for name, value in (("codes", codes), ("withheld", tables.WITHHELD)):
            con.execute(f"SET VARIABLE {name} = {literal(value)}")
        for statement in sql(_PACKAGE, "macros").split(";\n"):
            con.execute(statement)
        for table in EVENT_TABLES:
            make_view(con, f"leaving_{table}", empty_select(cdm_tables()[table]) if table in withhold else tables.select(table, in_order=False))
            self.rows[table] = _count(con, table, withhold)
        make_view(con, "leaving_meta", sql(_PACKAGE, "leaving_meta"))
        _find_concepts(con)
        (persons,) = con.execute("SELECT count(*) FROM pseudonym").fetchone() or (0,)
        files = max(1, -(-sum(self.rows.values()) // events_per_file))
        self.per_file = max(1, -(-int(persons) // files))

    def add_tables(self, progress: Progress) -> None:
        """Lay down the events of all tables."""
        for table in EVENT_TABLES:
            if self.rows[table]:
                query = sql(_PACKAGE, "named").replace("raw_event", f"({sql(f'{_PACKAGE}.events', table)})")
                self.events[table] = self._lay(table, query, {"table": table, "per_shard": self.per_file})
                progress("export", self.events[table])

    def add(self, name: str, events: pa.Table) -> None:
        """Lay down events with some of the columns of `named.sql`; the others are NULL."""
        self.con.register("given_event", events)
        query = sql(_PACKAGE, "given").replace("blank_event", f"({sql(_PACKAGE, 'named').replace('raw_event', 'blank')})")
        self.events[name] = self._lay(name, query, {"table": name, "per_shard": self.per_file})
        self.con.unregister("given_event")

    def write(self, schema: pa.Schema) -> list[Path]:
        """Sort what was laid down into the files of the package, and give them.

        Args:
            schema: The columns as Arrow has them, which the files are to be read as.

        Raises:
            ExportError: An event that was laid down is in no file.
        """
        target = self.folder / "data"
        target.mkdir()
        written, count = [], 0
        shards = sorted({int(path.name.partition("=")[2]) for path in (self.folder / _LAID).glob("*/shard=*")})
        arrow = base64.b64encode(schema.serialize().to_pybytes()).decode("ascii")
        for place, shard in enumerate(shards):
            laid = sorted((self.folder / _LAID).glob(f"*/shard={shard}/*.parquet"))
            query = sql(_PACKAGE, "sorted").replace("unsorted_event", parquet(*laid).replace("])", "], hive_partitioning = false)"))
            file = target / f"{place}.parquet"
            options = f"FORMAT parquet, COMPRESSION zstd, KV_METADATA {{'ARROW:schema': {literal(arrow)}}}"
            (rows,) = self.con.execute(f"COPY ({query}) TO {literal(file)} ({options})").fetchone() or (0,)
            written.append(file)
            count += int(rows)
            for path in laid:
                path.unlink()
        shutil.rmtree(self.folder / _LAID, ignore_errors=True)
        if count != sum(self.events.values()):
            raise ExportError("data/", expected=f"{sum(self.events.values()):,} events", got=f"{count:,}", todo="This is a fault of plait: please report it.")
        return written

    def _lay(self, name: str, query: str, parameters: dict[str, object]) -> int:
        folder = self.folder / _LAID / name
        folder.mkdir(parents=True)
        options = "FORMAT parquet, COMPRESSION lz4_raw, PARTITION_BY (shard)"
        (rows,) = self.con.execute(f"COPY ({query}) TO {literal(folder)} ({options})", parameters).fetchone() or (0,)
        return int(rows)


def _count(con: duckdb.DuckDBPyConnection, table: str, withhold: Collection[str]) -> int:
    """Give the number of rows of a table that leave."""
    if table in withhold:
        return 0
    (rows,) = con.execute(f"SELECT count(*) FROM cdm.{quoted(table)} AS t SEMI JOIN pseudonym AS s ON t.person_id = s.person_id").fetchone() or (0,)
    return int(rows)


def _find_concepts(con: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary tables `occurring` of the concepts in tables of events, and `coded_concept` of their codes."""
    keys = [(table, field.name) for table in EVENT_TABLES for field in cdm_tables()[table].fields if field.foreign_key == "concept.concept_id"]
    query = " UNION ".join(f"SELECT {quoted(field)} AS concept_id FROM cdm.{quoted(table)}" for table, field in keys)
    con.execute(f"CREATE OR REPLACE TEMP TABLE occurring AS {query}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE coded_concept AS {sql(_PACKAGE, 'coded_concept')}")
