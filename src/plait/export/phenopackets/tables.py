"""What is told of each table: every row that leaves is given one place in a packet, or a reason why it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.duck import quoted, sql
from plait.export.deidentify import tables
from plait.export.phenopackets.terms import PACKAGE, rows_of
from plait.schema import cdm_tables, empty_select

if TYPE_CHECKING:
    from collections.abc import Collection

    import duckdb

    from plait.export.outgoing import Outgoing

TOLD = {
    "condition": "condition_occurrence",
    "episode": "episode",
    "measurement": "measurement",
    "observation": "observation",
    "procedure": "procedure_occurrence",
    "drug": "drug_exposure",
    "specimen": "specimen",
    "variant": "omics_variant",
    "note_nlp": "note_nlp",
}
"""Queries that give a table's rows their place or reason, and the table."""

_NEEDED = ("person", "observation_period", "death", *TOLD.values())
_WHOLE = {"person": "subject", "death": "subject.vitalStatus"}
_LISTS = {"resource": "resources", "word": "terms", "meaning": "roles", "known": "concepts", "reference": "chromosomes"}
_ORDER = (
    ("condition", "told_condition"),
    ("disease", "told_disease"),
    ("cancer", "cancer"),
    ("sample_time", "sample_time"),
    ("modifier", "modifier"),
    ("episode", "told_episode"),
    ("measurement", "told_measurement"),
    ("observation", "told_observation"),
    ("procedure", "told_procedure"),
    ("drug", "told_drug"),
    ("specimen", "told_specimen"),
    ("variant", "told_variant"),
    ("note_nlp", "told_note_nlp"),
    ("feature", "told_feature"),
    ("treatment", "told_treatment"),
    ("subject", "told_subject"),
)
"""The queries, each after those that it reads, and the temporary tables that they make."""


def tell(out: Outgoing, leave: Collection[str]) -> None:
    """Make the temporary tables `told_…`: rows under new ids and shifted times, with what a packet says of each and where.

    Args:
        out: The export.
        leave: Tables whose rows may leave.
    """
    con = out.con
    for statement in sql(PACKAGE, "macros").split(";\n"):
        con.execute(statement)
    _load_lists(con)
    con.execute(f"CREATE OR REPLACE TEMP VIEW term AS {sql(PACKAGE, 'term')}")
    for name in _NEEDED:
        con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(f'leaving_{name}')} AS {tables.select(name) if name in leave else empty_select(cdm_tables()[name])}")
    for query, name in _ORDER:
        con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS {sql(PACKAGE, query)}")


def accounts(con: duckdb.DuckDBPyConnection, leave: Collection[str]) -> list[tuple[str, str | None, str | None, int]]:
    """Give (table, place in the packets, reason why it has none, rows) of all rows of persons who leave; each row is counted once."""
    found: list[tuple[str, str | None, str | None, int]] = []
    for name in (name for name in tables.treatments() if _is_of_persons(name)):
        rows = _count(con, tables.select(name))
        told = next((f"told_{query}" for query, table in TOLD.items() if table == name), None)
        if not rows:
            continue
        if name not in leave:
            found.append((name, None, "withheld by the policy", rows))
        elif name in _WHOLE:
            found.append((name, _WHOLE[name], None, rows))
        elif told:
            query = f"SELECT place, reason, count(*) FROM {quoted(told)} GROUP BY ALL ORDER BY ALL"
            found += [(name, place, reason, count) for place, reason, count in con.execute(query).fetchall()]
        else:
            found.append((name, None, _reasons()[name], rows))
    return found


def _is_of_persons(table: str) -> bool:
    return any(field.action in {"person", "row", "fact"} for field in tables.treatments()[table])


def _reasons() -> dict[str, str]:
    return {row["table"]: row["reason"] for row in rows_of("unused")}


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    (rows,) = con.execute(f"SELECT count(*) FROM ({query})").fetchone() or (0,)
    return int(rows)


def _load_lists(con: duckdb.DuckDBPyConnection) -> None:
    """Make temporary tables of the lists beside this module; numbers are numbers."""
    import pyarrow as pa

    for name, file in _LISTS.items():
        rows = rows_of(file)
        columns = {column: pa.array([row[column] or None for row in rows], pa.string()) for column in rows[0]}
        if "concept_id" in columns:
            columns["concept_id"] = columns["concept_id"].cast(pa.int64())
        con.register("list", pa.table(columns))
        con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS FROM list")
        con.unregister("list")
