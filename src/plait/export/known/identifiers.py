"""Every text that a study knows somebody by: identifiers of any system, names, addresses, numbers, and what files are called.

They are gathered when something leaves, from the crosswalk, the CDM and the raw files of sources that declare them, and are kept nowhere.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from plait.duck import literal, quoted, sql
from plait.etl.catalog import cdm_files
from plait.etl.crosswalk import linked_crosswalk
from plait.export.known.declared import read_declared
from plait.export.known.telling import EVERYWHERE_SHORTEST, shared_by_many, telling
from plait.export.phrases import Phrases, levelled
from plait.schema import cdm_tables

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import duckdb
    import polars as pl

    from plait.etl.commit import Version
    from plait.settings import Settings

_PACKAGE = "plait.export.known"
_STANDARD_UIDS = r"^1\.2\.840\.10008\."
"""UIDs that DICOM itself gives: they are everybody's."""

_BATCH = 200_000


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of who somebody is.

    Attributes:
        texts: `person_id` (null where it is no patient's), `kind` (`name`, `number`, `address`, `place`, `phone`, `email`, `file`), `text`.
        everywhere: What must stand nowhere in a package.
        unread: Sources whose files are gone, so that what they say of persons is not among the texts.
    """

    texts: pl.DataFrame
    everywhere: Phrases
    unread: tuple[str, ...] = ()


def gather(con: duckdb.DuckDBPyConnection, study: Path, version: Version, settings: Settings, spill: Path) -> Known:
    """Give what a study knows of who somebody is.

    Args:
        con: A connection with the version, schemas `cdm` and `plait`.
        study: The study's folder.
        version: The version.
        settings: Its settings name the sources.
        spill: Where what does not fit into memory goes.
    """
    import polars as pl

    crosswalk = linked_crosswalk(study, version)
    declared, unread = read_declared(con, study, settings, crosswalk, spill)
    ids = crosswalk.select("person_id", pl.lit("number").alias("kind"), pl.col("identifier").alias("text"))
    found = pl.concat([ids, _of_study(con, cdm_files(study, version)), declared])
    found = _with_parts(found).with_columns(pl.col("text").str.strip_chars()).filter(pl.col("text") != "").unique().sort("person_id", "kind", "text")
    return Known(found, _everywhere(con, found), unread)


@cache
def _fields() -> tuple[tuple[str, str, str], ...]:
    """Give (table, field, kind) of the CDM's fields that identify."""
    rows = csv.DictReader((files(_PACKAGE) / "fields.csv").read_text(encoding="utf-8").splitlines(), strict=True)
    return tuple((row["table"], row["field"], row["kind"]) for row in rows)


def _of_study(con: duckdb.DuckDBPyConnection, having: Collection[str]) -> pl.DataFrame:
    """Give what the CDM's fields hold that identify, of the tables that have rows, and what images are called."""
    selects = [_of_field(table, *field) for table, *field in _fields() if table in having]
    frame: pl.DataFrame = con.execute(" UNION ALL ".join([*selects, f"SELECT person_id, kind, text_value AS text FROM ({sql(_PACKAGE, 'images')})"])).pl()
    return frame


def _of_field(table: str, field: str, kind: str) -> str:
    """Give the SELECT of what a field holds: of whom, where its table has rows of persons or of where they live."""
    columns = cdm_tables()[table].columns
    person, joined = "t.person_id" if "person_id" in columns else "CAST(NULL AS BIGINT)", ""
    if table == "location":
        person, joined = "p.person_id", " LEFT JOIN cdm.person AS p USING (location_id)"
    query = f"SELECT DISTINCT {person} AS person_id, {literal(kind)} AS kind, CAST(t.{quoted(field)} AS VARCHAR) AS text FROM cdm.{quoted(table)} AS t{joined}"
    return f"{query} WHERE t.{quoted(field)} IS NOT NULL"


def _with_parts(found: pl.DataFrame) -> pl.DataFrame:
    """Give texts with the parts of the paths among them: a file that moves keeps the names of its folders; and without UIDs that are everybody's."""
    import polars as pl

    paths = found.filter(pl.col("kind") == "file")
    parts = [(person, "file", part) for person, _, path in paths.iter_rows() for part in {PurePosixPath(path).stem, *PurePosixPath(path).parts}]
    whole = pl.concat([found, pl.DataFrame(parts, schema=found.schema, orient="row")])
    return whole.filter(~pl.col("text").str.contains(_STANDARD_UIDS))


def _everywhere(con: duckdb.DuckDBPyConnection, found: pl.DataFrame) -> Phrases:
    """Give what must stand nowhere: what tells of few persons, and is nothing that the vocabulary says of everybody."""
    import polars as pl

    chosen = telling(found.join(shared_by_many(found), on=["text"], how="anti"))
    spelt = levelled(chosen).list.join(" ")
    joined = levelled(chosen).list.join("")
    digits = joined.filter(joined.str.contains(r"\d") & (joined.str.len_chars() > EVERYWHERE_SHORTEST))
    phrases = Phrases(pl.concat([spelt, digits]))
    said = [pl.Series("phrase", [], pl.String)]
    reader = con.execute("SELECT concat_ws(' . ', concept_name, concept_code) AS said FROM cdm.concept").to_arrow_reader(_BATCH)
    said += [phrases.within(pl.Series(batch.column(0)))["phrase"] for batch in reader]
    return phrases.without(pl.concat(said).unique())
