"""Every text that a study knows somebody by: identifiers of any system, names, addresses, numbers, and what files are called.

They are gathered when something leaves, from the crosswalk, the CDM and the raw files of sources that declare them, and are kept nowhere.
"""

from __future__ import annotations

import csv
from functools import cache, cached_property
from importlib.resources import files
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from plait.duck import literal, quoted, sql
from plait.etl.catalog import rows_of_tables
from plait.etl.crosswalk import link_crosswalk
from plait.export.known.declared import insert_texts, read_declared
from plait.export.known.sieve import find_key_words
from plait.export.known.telling import EVERYWHERE_SHORTEST
from plait.schema import cdm_tables

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import polars as pl

    from plait.etl.commit import Version
    from plait.export.phrases import Phrases
    from plait.settings import Settings

_PACKAGE = "plait.export.known"
_BATCH = 200_000


class Known:
    """What is known of who somebody is, in the table `known_text` (person_id, kind, text_value) of a connection; `kind` as in `texts`.

    Args:
        con: The connection, or another one of the same database than that which gathered it.
        unread: Sources whose files are gone, so that what they say of persons is not among the texts.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, unread: tuple[str, ...] = ()) -> None:
        self._con, self.unread = con, unread

    @cached_property
    def texts(self) -> pl.DataFrame:
        """`person_id` (null where it is no patient's), `kind` (`name`, `number`, `address`, `place`, `phone`, `email`, `file`), `text`."""
        query = "SELECT person_id, kind, text_value AS text FROM known_text ORDER BY person_id NULLS FIRST, kind, text"
        frame: pl.DataFrame = self._con.execute(query).pl()
        return frame

    @cached_property
    def everywhere(self) -> Phrases:
        """What must stand nowhere in a package: what tells of few persons, and is nothing that the vocabulary says of everybody."""
        import polars as pl

        from plait.export.known.telling import shared_by_many, telling
        from plait.export.phrases import Phrases, levelled

        chosen = telling(self.texts.join(shared_by_many(self.texts), on=["text"], how="anti"))
        spelt = levelled(chosen).list.join(" ")
        joined = levelled(chosen).list.join("")
        digits = joined.filter(joined.str.contains(r"\d") & (joined.str.len_chars() > EVERYWHERE_SHORTEST))
        phrases = Phrases(pl.concat([spelt, digits]))
        said = [pl.Series("phrase", [], pl.String)]
        reader = self._con.execute("SELECT concat_ws(' . ', concept_name, concept_code) AS said FROM cdm.concept").to_arrow_reader(_BATCH)
        said += [phrases.within(pl.Series(batch.column(0)))["phrase"] for batch in reader]
        return phrases.without(pl.concat(said).unique())


def gather(con: duckdb.DuckDBPyConnection, study: Path, version: Version, settings: Settings, spill: Path) -> Known:
    """Give what a study knows of who somebody is.

    Args:
        con: A connection with the version, schemas `cdm` and `plait`; tables are made on it.
        study: The study's folder.
        version: The version.
        settings: Its settings name the sources.
        spill: Where what does not fit into memory goes.
    """
    con.execute("CREATE OR REPLACE TABLE gathered_text (person_id BIGINT, kind VARCHAR, text_value VARCHAR)")
    link_crosswalk(con, study, version)
    con.execute("INSERT INTO gathered_text SELECT person_id, 'number', identifier FROM crosswalk")
    unread = read_declared(con, study, settings, spill)
    having = rows_of_tables(con, study, version)
    selects = [_of_field(table, *field) for table, *field in _fields() if table in having]
    con.execute(f"INSERT INTO gathered_text {' UNION ALL '.join([*selects, sql(_PACKAGE, 'images')])}")
    _add_parts(con)
    con.execute(f"CREATE OR REPLACE TABLE known_text AS {sql(_PACKAGE, 'known_texts')}")
    find_key_words(con)
    return Known(con, unread)


@cache
def _fields() -> tuple[tuple[str, str, str], ...]:
    """Give (table, field, kind) of the CDM's fields that identify."""
    rows = csv.DictReader((files(_PACKAGE) / "fields.csv").read_text(encoding="utf-8").splitlines(), strict=True)
    return tuple((row["table"], row["field"], row["kind"]) for row in rows)


def _of_field(table: str, field: str, kind: str) -> str:
    """Give the SELECT of what a field holds: of whom, where its table has rows of persons or of where they live."""
    columns = cdm_tables()[table].columns
    person, joined = "t.person_id" if "person_id" in columns else "CAST(NULL AS BIGINT)", ""
    if table == "location":
        person, joined = "p.person_id", " LEFT JOIN cdm.person AS p USING (location_id)"
    told = f"{person} AS person_id, {literal(kind)} AS kind, CAST(t.{quoted(field)} AS VARCHAR) AS text_value"
    return f"SELECT DISTINCT {told} FROM cdm.{quoted(table)} AS t{joined} WHERE t.{quoted(field)} IS NOT NULL"


def _add_parts(con: duckdb.DuckDBPyConnection) -> None:
    """Add the parts of the paths among what was gathered: a file that moves keeps the names of its folders."""
    paths = con.execute("SELECT DISTINCT person_id, text_value FROM gathered_text WHERE kind = 'file'").fetchall()
    if paths:
        parts = [(person, "file", part) for person, path in paths for part in {PurePosixPath(path).stem, *PurePosixPath(path).parts}]
        insert_texts(con, parts)
