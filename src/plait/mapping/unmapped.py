"""Codes without a standard concept, and how much hangs on each: one scan of the staged rows that name them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from plait.duck import filled, literal, make_view, parquet, sql
from plait.etl.catalog import open_catalog
from plait.etl.changes import coded_rows
from plait.etl.commit import warehouse_of
from plait.etl.crosswalk import follow_links, load_crosswalk
from plait.etl.tombstones import read_tombstones
from plait.etl.vocabulary import read_release, register

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from plait.etl.commit import Version

REASONS = ("not_in_vocabulary", "no_maps_to", "no_match", "target_unknown", "target_invalid", "target_not_standard")
"""Why a code is on the list."""


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A code that has no standard concept, or that a mapping leads astray.

    Attributes:
        source: The source that names it.
        code_system: Its code system, as the source names it.
        code: The code.
        display: The source's words for it, None where it has none.
        reason: `not_in_vocabulary`, or `no_maps_to` (it has a concept, but no standard one behind it); `no_match` where somebody found
            that no concept fits; or what is wrong with the concept that a mapping names: `target_unknown` (not in the vocabulary),
            `target_invalid`, `target_not_standard`.
        domain_id: The OMOP domain that it is of, as the source hints or as the attribute says; None where neither does.
        is_strict: Whether it can be of no other domain, as a unit.
        named_by: The attributes that name it (`event.unit`), with a comma between.
        rows: Staged rows that name it, exact duplicates included.
        persons: Persons whom these rows are of; 0 of a code that only providers, sites or places have.
        vocabulary_id: The vocabulary that it was found in, None if in none.
        source_concept_id: Its own concept, 0 if it has none.
        target_concept_id: The concept that a mapping leads to, 0 if to none.
    """

    source: str
    code_system: str
    code: str
    display: str | None
    reason: str
    domain_id: str | None
    is_strict: bool
    named_by: str | None
    rows: int
    persons: int
    vocabulary_id: str | None
    source_concept_id: int
    target_concept_id: int


def open_map(study: Path, version: Version) -> duckdb.DuckDBPyConnection:
    """Give a connection with what codes are judged by: `study_map`, the schema `vocabulary`, `coded` and `present`."""
    con = open_catalog(study, version)
    register(con, read_release(warehouse_of(study) / str(version.vocabulary)))
    make_view(con, "study_map", "FROM plait.study_map")
    load_coded(con, study, version)
    return con


def load_coded(con: duckdb.DuckDBPyConnection, study: Path, version: Version) -> None:
    """Make `coded` (all codes that staged rows name), `present` (whom rows are of) and `attribute_domain`."""
    make_view(con, "coded", coded_rows((entry["shape"], warehouse_of(study) / entry["path"]) for entry in version.staged if entry["rows"]))
    load_crosswalk(con, study / version.crosswalk)
    links = [str(warehouse_of(study) / entry["path"]) for entry in version.staged if entry["shape"] == "link" and entry["rows"]]
    follow_links(con, links, read_tombstones(study))
    persons = [warehouse_of(study) / entry["path"] for entry in version.staged if entry["shape"] == "person" and entry["rows"]]
    nobody = 'SELECT NULL AS system, NULL AS person, NULL AS reject, NULL AS "ignore" WHERE false'
    make_view(con, "staged_persons", f"FROM {parquet(*persons)}" if persons else nobody)
    con.execute(sql("plait.etl", "present"))
    columns = "'shape': 'VARCHAR', 'attribute': 'VARCHAR', 'domain_id': 'VARCHAR', 'is_strict': 'BOOLEAN', 'note': 'VARCHAR'"
    path = literal(files("plait.mapping") / "attribute_domains.csv")
    con.execute(f"CREATE OR REPLACE TABLE attribute_domain AS FROM read_csv({path}, hive_partitioning = false, header = true, columns = {{{columns}}})")


def list_unmapped(
    con: duckdb.DuckDBPyConnection,
    *,
    source: str | None = None,
    system: str | None = None,
    domain: str | None = None,
    reason: str | None = None,
    least_rows: int = 0,
) -> list[Unmapped]:
    """Give the codes without a standard concept, most rows first; `con` is of `open_map`.

    Args:
        con: The connection.
        source: Only those of this source.
        system: Only those of this code system.
        domain: Only those of this domain.
        reason: Only those with this reason.
        least_rows: Only those that at least so many rows name.
    """
    con.execute(sql("plait.mapping", "codes"))
    asked = {"source": source, "system": system, "domain": domain, "reason": reason, "least_rows": least_rows}
    return [Unmapped(*row) for row in con.execute(filled(sql("plait.mapping", "unmapped"), asked)).fetchall()]
