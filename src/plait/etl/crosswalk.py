"""Who is who: (person system, identifier) → `person_id`.

Ids are dense, assigned once in order of the key, and never reused. The crosswalk identifies people: it
lives in the study's `private/` and is neither exported nor logged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.duck import connect, literal, make_view, parquet, quoted, sql, write_parquet
from plait.etl.commit import warehouse_of
from plait.etl.tombstones import SYSTEM, read_tombstones

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import polars as pl

    from plait.etl.commit import Version
    from plait.etl.tombstones import Tombstones


def load_crosswalk(con: duckdb.DuckDBPyConnection, file: Path | None) -> int:
    """Make the table `crosswalk` (system, identifier, person_id) as last committed, and give its size."""
    con.execute("CREATE OR REPLACE TABLE crosswalk (system VARCHAR NOT NULL, identifier VARCHAR NOT NULL, person_id BIGINT NOT NULL)")
    if file is not None:
        con.execute(f"INSERT INTO crosswalk SELECT system, identifier, person_id FROM {parquet(file)}")
    return _size(con, "crosswalk")


def extend_crosswalk(con: duckdb.DuckDBPyConnection, person_files: list[str]) -> int:
    """Give an id to every staged person who has none yet, and give the crosswalk's new size."""
    if person_files:
        con.execute(sql("plait.etl", "extend_crosswalk"), {"files": person_files})
    return _size(con, "crosswalk")


def follow_links(con: duckdb.DuckDBPyConnection, link_files: list[str], tombstones: Tombstones) -> None:
    """Give every identifier in the table `crosswalk` the person whom the study's links say it is of.

    What is saved stays without links: each identifier keeps an id of its own there, which it gets back when a link goes. What a forgotten person and
    others claimed stays contested.
    """
    columns = "CAST(NULL AS VARCHAR)"
    nothing = f'SELECT {columns} AS person, {columns} AS link_system, {columns} AS identifier, {columns} AS reject, {columns} AS "ignore" WHERE false'
    make_view(con, "staged_link", f"FROM {parquet(*link_files)}" if link_files else nothing)
    tombstones.install(con)
    con.execute(sql("plait.etl", "links"))


def link_crosswalk(con: duckdb.DuckDBPyConnection, study: Path, version: Version) -> None:
    """Make the table `crosswalk` (system, identifier, person_id) of who is who in a version, links followed; nobody who was forgotten is in it."""
    links = [str(warehouse_of(study) / entry["path"]) for entry in version.staged if entry["shape"] == "link" and entry["rows"]]
    load_crosswalk(con, study / version.crosswalk)
    follow_links(con, links, read_tombstones(study))
    con.execute(f"DELETE FROM crosswalk WHERE system = {literal(SYSTEM)}")


def linked_crosswalk(study: Path, version: Version) -> pl.DataFrame:
    """Give who is who in a version, links followed: `system`, `identifier`, `person_id`."""
    con = connect()
    try:
        link_crosswalk(con, study, version)
        frame: pl.DataFrame = con.execute("SELECT system, identifier, person_id FROM crosswalk ORDER BY ALL").pl()
        return frame
    finally:
        con.close()


def all_persons(study: Path, version: Version) -> pl.Series:
    """Give every person to whom an id was ever given by this version and who was not forgotten, whether or not the study has something of them; ascending."""
    import polars as pl

    return pl.read_parquet(study / version.crosswalk).filter(pl.col("system") != SYSTEM)["person_id"].unique().sort()


def former_persons(study: Path, version: Version) -> pl.DataFrame:
    """Give who was found to be another person: `person_id` as it was given first, and `now`, whom the study's links say that it is."""
    import polars as pl

    given = pl.read_parquet(study / version.crosswalk).select("system", "identifier", "person_id")
    linked = linked_crosswalk(study, version).rename({"person_id": "now"})
    both = given.join(linked, on=["system", "identifier"], how="inner")
    return both.filter(pl.col("person_id") != pl.col("now")).select("person_id", "now").unique(maintain_order=False).sort("person_id")


def save_crosswalk(con: duckdb.DuckDBPyConnection, file: Path) -> Path:
    """Write the crosswalk to a new file, in order of its ids, in a folder that only its owner can read."""
    file.parent.mkdir(exist_ok=True, mode=0o700)
    write_parquet(con, "FROM crosswalk ORDER BY person_id, system, identifier", file)
    return file


def _size(con: duckdb.DuckDBPyConnection, table: str) -> int:
    row = con.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()
    return int(row[0]) if row else 0
