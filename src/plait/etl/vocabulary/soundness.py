"""Whether a vocabulary that was read can be used, and what its user should know of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from plait.duck import quoted, sql
from plait.errors import VocabularyError
from plait.etl.vocabulary.release import VocabularyCount, table_select
from plait.schema import VOCABULARY_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb

OPTIONAL_TABLES = {
    "concept_ancestor": "eras by ingredient and roll-ups will be empty",
    "drug_strength": "dose eras will be empty",
    "concept_synonym": "suggestions use names only",
    "vocabulary": "the release and the versions of its vocabularies are unknown",
    "domain": "domains are known by their ids only",
    "concept_class": "concept classes are known by their ids only",
    "relationship": "relationships are known by their ids only",
}
"""What it means that a table is absent or empty. SOURCE_TO_CONCEPT_MAP is not among them: no download holds it."""

_RELEASE_DAY = re.compile(r"\d{2}-[A-Z]{3}-\d{2}")
# Concepts may begin some weeks after their release (ICD-10-CM's begin on 1 October); what begins later than this is of a later release.
_AHEAD = timedelta(days=90)
_NEVER = date.max
_SHOWN = 5
_AGAIN = "Download the vocabulary again from https://athena.ohdsi.org."


@dataclass(frozen=True, slots=True)
class Findings:
    """What is in a folder of freshly written tables.

    Attributes:
        release: What the release calls itself; None if it does not say.
        vocabularies: The vocabularies that have concepts.
        warnings: Sentences for the user.
    """

    release: str | None
    vocabularies: tuple[VocabularyCount, ...]
    warnings: tuple[str, ...]


def examine(con: duckdb.DuckDBPyConnection, folder: Path, source: Path, unused: Sequence[str], rows: dict[str, int]) -> Findings:
    """Check the tables in `folder` and say what is absent or odd.

    Args:
        con: Reads the tables; it is left without a trace.
        folder: Folder with the Parquet files as they were read.
        source: The download, for messages.
        unused: Names of files in the download that are not used.
        rows: Number of rows by table.

    Raises:
        VocabularyError: A concept is there twice, or nothing maps to anything.
    """
    with con.cursor() as work:
        for table in VOCABULARY_TABLES:
            work.execute(f"CREATE TEMP VIEW {quoted(table)} AS {table_select(folder, table)}")
        named = work.execute(sql(__package__, "release_name")).fetchone()
        release = str(named[0]) if named and named[0] else None
        counts = _counts(work, release)
        _refuse(work, source, counts)
        found = work.execute(sql(__package__, "vocabularies")).fetchall()
    vocabularies = tuple(VocabularyCount(name or "", version, concepts) for name, version, concepts, _ in found)
    unlisted = [row[0] or "" for row in found if not row[3]] if rows.get("vocabulary") else []
    warnings = (
        *_absences(rows, release),
        *_mixtures(release, counts, unlisted),
        *_gaps({vocabulary.vocabulary_id for vocabulary in vocabularies}, unused),
    )
    return Findings(release, vocabularies, warnings)


def _counts(con: duckdb.DuckDBPyConnection, release: str | None) -> dict[str, int]:
    day = _RELEASE_DAY.search(release or "")
    late = datetime.strptime(day.group(), "%d-%b-%y").date() + _AHEAD if day else _NEVER  # noqa: DTZ007 -- a calendar day has no zone
    cursor = con.execute(sql(__package__, "soundness"), {"late": late})
    names = [str(column[0]) for column in cursor.description or ()]
    return dict(zip(names, cursor.fetchone() or (), strict=True))


def _refuse(con: duckdb.DuckDBPyConnection, source: Path, counts: dict[str, int]) -> None:
    if counts["concept_ids"] < counts["concepts"]:
        concept_id, times = con.execute(sql(__package__, "repeated_concept")).fetchone() or ("?", "?")
        todo = "Remove the repeated lines. " + _AGAIN
        raise VocabularyError(f"{source}, CONCEPT, column concept_id", expected="each id once", got=f"{concept_id} {times} times", todo=todo)
    if not counts["maps_to"]:
        todo = "Without it no code finds its standard concept. " + _AGAIN
        raise VocabularyError(f"{source}, CONCEPT_RELATIONSHIP", expected="valid relationships `Maps to`", got="none", todo=todo)


def _absences(rows: dict[str, int], release: str | None) -> Iterator[str]:
    for table, meaning in OPTIONAL_TABLES.items():
        if not rows.get(table):
            yield f"{table.upper()} is {'empty' if table in rows else 'absent'}: {meaning}."
    if rows.get("vocabulary") and release is None:
        yield "VOCABULARY names no release (the version of vocabulary 'None'): which release this is stays unknown."


def _mixtures(release: str | None, counts: dict[str, int], unlisted: Sequence[str]) -> Iterator[str]:
    if late := counts["late_concepts"]:
        yield f"{late:,} concepts begin more than {_AHEAD.days} days after the release {release}: the files are of different releases."
    if unlisted:
        more = f" and {len(unlisted) - _SHOWN} more" if len(unlisted) > _SHOWN else ""
        yield f"VOCABULARY does not list {', '.join(unlisted[:_SHOWN])}{more}, which CONCEPT uses: their versions are unknown."
    if dangling := counts["dangling"]:
        yield f"{dangling:,} relationships point to concepts that CONCEPT lacks: they lead nowhere."
    if invalid := counts["standard_but_invalid"]:
        yield f"{invalid:,} concepts are standard and yet invalid: codes that map to them keep them as they are."


def _gaps(present: set[str], unused: Sequence[str]) -> Iterator[str]:
    if "UCUM" not in present:
        yield "No concept is of UCUM: units stay unmapped (concept 0)."
    if "CPT4" not in present and any("cpt4" in name.lower() for name in unused):
        yield "CPT4 is in the download but not in CONCEPT: run its cpt.jar, which needs a UMLS key, and load again."
