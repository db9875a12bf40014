"""The events of each person in the order of time: `data/0.parquet`, `data/1.parquet`, …, of whole persons each.

Each table of the CDM is read once, as it leaves the study. Where there are more events than a file is for, they are laid down by file first, and then
each file is sorted on its own: nothing holds more in memory than the events of one file, and DuckDB spills what it cannot hold.
"""

from __future__ import annotations

import re
import shutil
from itertools import pairwise
from typing import TYPE_CHECKING

from plait.duck import filled, literal, parquet, quoted, sql
from plait.errors import ExportError
from plait.export.deidentify import tables
from plait.export.meds.form import data_schema
from plait.schema import cdm_tables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from plait.progress import Progress

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

EVENTS_PER_FILE = 1_000_000
"""About how many events a file has: what is to fit into memory while it is sorted, about 500 MiB."""

_LARGEST_DICTIONARY = 4096
"""Different values of a column, in a row group of 122,880 rows, up to which a dictionary of them is worth its time and its bytes."""

_PACKAGE = "plait.export.meds"
_NAME = re.compile(r"\w+")
_LAID = ".events"
"""Folder for events that are not yet in order, while a package is written."""


class Timeline:
    """Events on their way into files.

    Args:
        codes: Which code an event has: the `standard` concept's, or that of the `source`, where there are both.
        withhold: Tables of which no row leaves.
        events_per_file: About how many events a file has.

    Attributes:
        rows: Rows of each table that become events, once it is prepared.
    """

    def __init__(self, codes: str, withhold: Collection[str], *, events_per_file: int = EVENTS_PER_FILE) -> None:
        self._codes, self._withhold, self._events_per_file = codes, withhold, events_per_file
        self.rows: dict[str, int] = {}
        self._given: list[str] = []
        self._files = self._persons_per_file = 1
        self._is_delivered = False

    def prepare(self, con: duckdb.DuckDBPyConnection, having: Collection[str]) -> None:
        """Look at what there is: nothing is written.

        Args:
            con: A connection that `plait.export.deidentify.tables.prepare` prepared.
            having: The tables that have rows.
        """
        self.con = con
        for name, value in (("codes", self._codes), ("withheld", tables.WITHHELD)):
            con.execute(f"SET VARIABLE {name} = {literal(value)}")
        for statement in sql(_PACKAGE, "macros").split(";\n"):
            con.execute(statement)
        self.rows = _count(con, [table for table in EVENT_TABLES if table in having and table not in self._withhold])
        con.execute(f"CREATE OR REPLACE TEMP TABLE batch_day AS {filled(sql(_PACKAGE, 'batch_days'), {'tables': list(self.rows)})}")
        days, persons = con.execute("SELECT (SELECT count(*) FROM batch_day), (SELECT count(*) FROM pseudonym)").fetchone() or (0, 0)
        _find_concepts(con, self.rows)
        self._is_delivered = days > 0
        self._files = max(1, -(-sum(self.rows.values()) // self._events_per_file))
        self._persons_per_file = max(1, -(-int(persons) // self._files))

    def add(self, events: pa.Table) -> None:
        """Add events with some of the columns of `named.sql`; the others are NULL."""
        view = f"given_{len(self._given)}"
        self.con.register(view, events)
        self._given.append(sql(_PACKAGE, "given").replace("blank_event", f"({_named('blank')})").replace("given_event", view))

    def write(self, folder: Path, progress: Progress) -> list[Path]:
        """Sort the events into the files of a package, and give them.

        Args:
            folder: The package.
            progress: Hears of events that were written.
        """
        (folder / "data").mkdir()
        schema = f"KV_METADATA {{'ARROW:schema': {literal(data_schema())}}}"
        options = f"FORMAT parquet, COMPRESSION zstd, DICTIONARY_SIZE_LIMIT {_LARGEST_DICTIONARY}, {schema}"
        written: list[Path] = []
        for unsorted in self._laid(folder / _LAID) if self._files > 1 else self._whole():
            file = folder / "data" / f"{len(written)}.parquet"
            query = sql(_PACKAGE, "sorted").replace("unsorted_event", f"({unsorted})") + (", embedding_row" if self._given else "")
            (rows,) = self.con.execute(f"COPY ({query}) TO {literal(file)} ({options})").fetchone() or (0,)
            progress("export", int(rows))
            written.append(file)
        return written

    def count(self, data: Sequence[Path]) -> dict[str, int]:
        """Give the events of each table, and of each view, in the files.

        Raises:
            ExportError: A row of the CDM that leaves is no event.
        """
        found = self.con.execute(sql(_PACKAGE, "counted").replace("written_event", parquet(*data))).fetchall() if data else []
        order = {table: place for place, table in enumerate(EVENT_TABLES)}
        events = {name: int(count) for name, count, _ in sorted(found, key=lambda row: order.get(row[0], len(order)))}
        rows = {name: int(count) for name, _, count in found if name in EVENT_TABLES}
        lost = [table for table in EVENT_TABLES if rows.get(table, 0) != self.rows.get(table, 0)]
        if lost:
            raise ExportError(
                f"data/, {lost[0]}",
                expected=f"{self.rows.get(lost[0], 0):,} rows that are events",
                got=f"{rows.get(lost[0], 0):,}",
                todo="Nothing was written. This is a fault of plait: please report it.",
            )
        return events

    def _whole(self) -> Iterator[str]:
        """Yield a SELECT of all events, if there are any; what is looked up of an event is looked up once for all tables."""
        if self.rows:
            yield " UNION ALL ".join([_named(f"({' UNION ALL BY NAME '.join(map(self._events, self.rows))})"), *self._given])

    def _laid(self, folder: Path) -> Iterator[str]:
        """Read each table once, lay its events down in a folder by the file that they are for, and yield a SELECT of each file's.

        Of a table of many rows some persons are read after the others, so that no more of when rows became known is held in memory.
        """
        folder.mkdir()
        parts = [_named(f"({self._events(table, persons)})") for table in self.rows for persons in self._persons(self.rows[table])]
        for place, query in enumerate([*parts, *self._given]):
            by_file = f"SELECT *, (subject_id - 1) // {self._persons_per_file} AS file FROM ({query})"
            self.con.execute(f"COPY ({by_file}) TO {literal(folder / str(place))} (FORMAT parquet, COMPRESSION lz4_raw, PARTITION_BY (file))")
        for file in sorted({int(path.name.partition("=")[2]) for path in folder.glob("*/file=*")}):
            laid = sorted(folder.glob(f"*/file={file}/*.parquet"))
            yield f"SELECT * FROM {parquet(*laid)}"
            for path in laid:
                path.unlink()
        shutil.rmtree(folder)

    def _persons(self, rows: int) -> list[tuple[int, int]] | list[None]:
        """Give the ids of persons above which, and up to which, about as many of so many rows are as a file has events; one None if all are."""
        parts = -(-rows // self._events_per_file)
        if parts == 1:
            return [None]
        shares = ", ".join(str(part / parts) for part in range(1, parts))
        query = f"SELECT quantile_disc(person_id, [{shares}]), CAST(min(person_id) AS HUGEINT) - 1, max(person_id) FROM pseudonym"
        between, before, last = self.con.execute(query).fetchone() or ([], 0, 0)
        return list(pairwise(sorted({before, *between, last})))

    def _events(self, table: str, persons: tuple[int, int] | None = None) -> str:
        """Give the SELECT of a table's events, from what leaves of it; where nothing was delivered on one day, rows became known when they say."""
        query = sql(f"{_PACKAGE}.events", table)
        known = f"SELECT row_id, known_time, end_known_time FROM plait.row_meta WHERE table_name = {literal(table)}"
        if persons:
            known += f" AND person_id > {persons[0]} AND person_id <= {persons[1]}"
        if self._is_delivered:
            known = sql(_PACKAGE, "known_rows").replace("row_known", f"({known})")
        leaving = tables.select(table, in_order=False, known=f"({known})", chosen=set(_NAME.findall(query)), persons=persons)
        if query.count(f"leaving_{table}") > 1:
            events = f"WITH leaving_{table} AS MATERIALIZED ({leaving}) {query}"
        else:
            events = query.replace(f"leaving_{table}", f"({leaving})")
        return f"SELECT {literal(table)} AS table_name, * FROM ({events})"


def _named(raw: str) -> str:
    """Give the SELECT of events, from what SELECTs of tables say."""
    return sql(_PACKAGE, "named").replace("raw_event", raw)


def _count(con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> dict[str, int]:
    """Give the number of rows of tables that leave, of those that have some."""
    if not names:
        return {}
    parts = (
        f"SELECT {place} AS place, count(*) AS n FROM cdm.{quoted(table)} AS t SEMI JOIN pseudonym AS s ON t.person_id = s.person_id"
        for place, table in enumerate(names)
    )
    return {names[place]: int(rows) for place, rows in con.execute(f"FROM ({' UNION ALL '.join(parts)}) WHERE n > 0 ORDER BY place").fetchall()}


def _find_concepts(con: duckdb.DuckDBPyConnection, names: Collection[str]) -> None:
    """Make the temporary tables `occurring` of the concepts in tables of events, and `coded_concept` of their codes."""
    selects = []
    for table in names:
        fields = ", ".join(quoted(field.name) for field in cdm_tables()[table].fields if field.foreign_key == "concept.concept_id")
        if fields:
            selects.append(f"SELECT unnest([{fields}]) AS concept_id FROM (SELECT DISTINCT {fields} FROM cdm.{quoted(table)})")
    query = " UNION ".join(selects) or "SELECT 0 AS concept_id"
    con.execute(f"CREATE OR REPLACE TEMP TABLE occurring AS {query}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE coded_concept AS {sql(_PACKAGE, 'coded_concept')}")
