"""Records of persons who were forgotten: they are taken out of a file before any SELECT sees it, and ignored by the rule `forgotten`.

A record that tells of a forgotten person in one shape is forgotten in all of them: the address in a patient's record is as much the patient's
as the name is.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from plait.duck import connect, literal, make_view, parquet, quoted, sql
from plait.etl.harmonize.reference import fact_domain
from plait.etl.sources.folder import IDENTITY
from plait.etl.sources.raw import load_raw, sound_columns
from plait.etl.staging import SHAPES
from plait.etl.tombstones import RULE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from plait.etl.commit import Version
    from plait.etl.run import Run
    from plait.etl.sources.folder import Select, Source
    from plait.etl.tombstones import Tombstones

_FACTS = "cdm_fact_relationship"
"""The one shape whose rows may name a second person."""


def names_a_person(select: Select) -> bool:
    """Tell whether the rows of a SELECT are of persons."""
    return SHAPES[select.shape].of_person or select.shape == "link"


def mark_forgotten(con: duckdb.DuckDBPyConnection, tombstones: Tombstones, selects: Iterable[Select], source: Source, raw: str) -> None:
    """Give the records of a raw table that tell of forgotten persons the fault `forgotten`.

    Args:
        con: A connection with the views that the SELECTs read.
        tombstones: Who was forgotten.
        selects: All SELECTs of the file that name persons.
        source: The source.
        raw: The raw table.
    """
    tombstones.install(con)
    con.execute("CREATE OR REPLACE TEMP TABLE forgotten_record (record BIGINT)")
    for select in selects:
        for query in _queries(select, source):
            con.execute(f"INSERT INTO forgotten_record {query}")
    con.execute(f"UPDATE {quoted(raw)} SET _fault = {literal(RULE)} WHERE _pointer.record IN (SELECT record FROM forgotten_record)")


def _queries(select: Select, source: Source) -> list[str]:
    """Give the queries of the records of a file that are a forgotten person's by one SELECT."""
    rows = f"({select.text}) AS s"
    if select.shape == "link":
        whole = f"SELECT person FROM ({select.text}) WHERE {_is_forgotten('link_system', 'identifier')}"
        return [f"SELECT DISTINCT s._pointer.record FROM {rows} WHERE s.person IN ({whole})"]
    system = literal(source.system)
    queries = [f"SELECT DISTINCT s._pointer.record FROM {rows} WHERE {_is_forgotten(system, 'CAST(s.person AS VARCHAR)')}"]
    if select.shape == _FACTS:
        person = literal(fact_domain("person"))
        queries += [
            f"SELECT DISTINCT s._pointer.record FROM {rows} WHERE CAST(s.domain_concept_id_{place} AS VARCHAR) = {person} "
            f"AND {_is_forgotten(system, f'CAST(s.fact_id_{place} AS VARCHAR)')}"
            for place in (1, 2)
        ]
    return queries


def _is_forgotten(system: str, identifier: str) -> str:
    return f"plait_tombstone({system}, {identifier}) IN (SELECT t.hash FROM tombstone AS t)"


def linked_to_forgotten(run: Run) -> Tombstones:
    """Give the tombstones of a study with those of identifiers that its links join with a forgotten person's, now that somebody says so.

    An identifier that somebody else claims, too, is contested, and nobody's.
    """
    con, tombstones = run.con, run.tombstones
    files = [file for _, file in run.files if file.source == IDENTITY and file.file is not None]
    if not files or not tombstones:
        return tombstones
    tombstones.install(con)
    source, queries = run.source(IDENTITY), []
    for place, file in enumerate(files):
        load_raw(con, file, source, table="raw link", spill=run.spill)
        make_view(con, str(file.file), f"SELECT {sound_columns(file)} FROM {quoted('raw link')} WHERE _fault IS NULL")
        for select in source.selects_of(str(file.file)):
            table = quoted(f"link read {place}")
            con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT person, link_system, identifier FROM ({select.text})")
            queries.append(f"FROM {table}")
    make_view(con, "any_link", " UNION ALL ".join(queries))
    return tombstones.with_also(hashed for (hashed,) in con.execute(sql("plait.etl", "linked_to_forgotten")).fetchall())


def blank_raw(con: duckdb.DuckDBPyConnection, tombstones: Tombstones, system: str, file_id: int) -> None:
    """Take the raw text of a file's rejected records away where an identifier of somebody who was forgotten stands in it."""
    if tombstones:
        tombstones.install(con)
        con.execute(sql("plait.etl", "blank_raw"), {"system": system, "file_id": file_id})


def remove_copies(warehouse: Path, sources: Iterable[Source], names: Iterable[str]) -> list[Path]:
    """Remove what plait keeps of the sources of these names so as not to read them again (headers, split resources, tables of a database), and give it.

    Their files still hold somebody who was forgotten, and so would any copy.
    """
    gone = []
    chosen = set(names)
    for source in sources:
        if source.cache is None or source.name not in chosen:
            continue
        for place in (source.cache, source.cache.with_suffix("")):
            if place.exists() and place.is_relative_to(warehouse):
                gone.append(place)
                shutil.rmtree(place) if place.is_dir() else place.unlink()
    return gone


def sources_with_forgotten(warehouse: Path, version: Version | None) -> list[str]:
    """Give the names of the sources that held records of forgotten persons when a version was made."""
    if version is None:
        return []
    pages = [warehouse / file for file in version.tables["books"].get("ledger_reasons", [])]
    with connect() as con:
        rows = con.execute(
            f"SELECT DISTINCT source FROM {parquet(*pages)} WHERE run_id = $run_id AND reason = $rule ORDER BY source", {"run_id": version.run_id, "rule": RULE}
        ).fetchall()
    return [str(source) for (source,) in rows]
