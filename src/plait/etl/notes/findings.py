"""What was read of a shard's notes, as rows of NOTE_NLP, and as events where the study's rules say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.duck import make_view, parquet, sql, write_parquet
from plait.errors import BooksError
from plait.etl.notes.reading import StudyExtractor, read_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

    from plait.nlp_settings import PromotionRule

_PACKAGE = "plait.etl.notes"


@dataclass(frozen=True, slots=True)
class Notes:
    """What shards need to know of the reading of notes.

    Attributes:
        folder: Where lies what was read.
        extractors: Who read.
        promotions: File of the study's rules of promotion, concepts below those named included.
    """

    folder: Path
    extractors: tuple[StudyExtractor, ...]
    promotions: Path


def write_promotions(con: duckdb.DuckDBPyConnection, rules: Sequence[PromotionRule], target: Path) -> None:
    """Write which findings become events, one line a domain, extractor and concept. Needs the views of the vocabulary."""
    con.execute("CREATE OR REPLACE TEMP TABLE promotion (domain_id VARCHAR, extractor VARCHAR, concept_id BIGINT)")
    for rule in rules:
        con.execute(sql(_PACKAGE, "promotions"), {"domains": list(rule.domains), "extractors": list(rule.extractors), "concepts": list(rule.concepts)})
    write_parquet(con, "SELECT DISTINCT * FROM promotion ORDER BY ALL", target)


def make_findings(con: duckdb.DuckDBPyConnection, notes: Notes, shard: int) -> None:
    """Make the tables `finding_row` and `promoted_event` of a shard's notes.

    Needs `note_row` and the harmonizer's reference tables.

    Raises:
        BooksError: A note was not read.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE extractor (rank INTEGER, name VARCHAR, system VARCHAR, extractor_id VARCHAR, languages VARCHAR[])")
    for rank, one in enumerate(notes.extractors):
        con.execute("INSERT INTO extractor VALUES (?, ?, ?, ?, ?)", [rank, one.name, one.system, one.extractor_id, list(one.languages)])
    make_view(con, "text_read", read_text(notes.folder, notes.extractors, shard))
    con.execute(sql(_PACKAGE, "finding_row"))
    row = con.execute("SELECT count(*) FROM unread_note").fetchone()
    if row and row[0]:
        raise BooksError(notes.folder, expected="findings of every note", got=f"none of {row[0]:,} notes", todo="Remove this folder and run again.")
    make_view(con, "promotion", f"FROM {parquet(notes.promotions)}")
    con.execute(sql(_PACKAGE, "promoted"))
