"""The demo's small vocabulary, in the format of an Athena download.

NOTICE: SNOMED CT, LOINC, RxNorm, CVX, ICD-10-CM, HCPCS and UCUM keep their owners' terms of use. The tables
beside this module only name the concepts that the demo uses, by their public OMOP concept ids; they are no
release of those vocabularies, and their mappings and hierarchy are cut down to what the demo shows. One
mapping is the demo's own: "history of myocardial infarction" also fills the value, to show `Maps to value`.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from itertools import starmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RELEASE = "plait demo v1"
_VALID = ("19700101", "20991231", "")
_REVERSE = {"Maps to": "Mapped from", "Maps to value": "Value mapped from", "Is a": "Subsumes"}
_ENGLISH = "4180186"
_NAMED = {"CONCEPT_CLASS": "Concept Class", "DOMAIN": "Domain", "RELATIONSHIP": "Relationship", "VOCABULARY": "Vocabulary"}
"""The vocabulary, and the class, of the concepts that stand for the rows of these tables."""


@cache
def table(name: str) -> tuple[dict[str, str], ...]:
    """Give the rows of a CSV file that stands beside this module."""
    text = (files("plait.demo") / f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
def _names() -> dict[tuple[str, str], str]:
    rows = (*table("unmapped"), *table("concepts"))
    return {(row["vocabulary_id"], row["concept_code"]): row["concept_name"] for row in rows}


def name_of(vocabulary: str, code: str) -> str:
    """Give the name of a code, mapped or not.

    Raises:
        KeyError: A code that stands neither in `concepts.csv` nor in `unmapped.csv`.
    """
    return _names()[vocabulary, code]


def is_named(vocabulary: str, code: str) -> bool:
    """Say whether a code is one of a vocabulary that the demo knows."""
    return (vocabulary, code) in _names()


def write_vocabulary(folder: Path) -> None:
    """Write the vocabulary as tab-separated files as Athena delivers them."""
    folder.mkdir(parents=True, exist_ok=True)
    concepts = (*table("concepts"), *_term_concepts())
    columns = (*concepts[0], "valid_start_date", "valid_end_date", "invalid_reason")
    _write(folder, "CONCEPT", columns, ((*row.values(), *_VALID) for row in concepts))
    _write(folder, "CONCEPT_RELATIONSHIP", ("concept_id_1", "concept_id_2", "relationship_id", *columns[-3:]), _relationships(concepts))
    selves = [(row["concept_id"], row["concept_id"], "0", "0") for row in concepts if row["standard_concept"]]
    ancestors = table("ancestors")
    _write(folder, "CONCEPT_ANCESTOR", ancestors[0], [*selves, *(tuple(row.values()) for row in ancestors)])
    synonyms = table("synonyms")
    _write(folder, "CONCEPT_SYNONYM", (*synonyms[0], "language_concept_id"), ((*row.values(), _ENGLISH) for row in synonyms))
    strengths = table("strengths")
    _write(folder, "DRUG_STRENGTH", (*strengths[0], "box_size", *columns[-3:]), ((*row.values(), "", *_VALID) for row in strengths))
    _write_terms(folder)


def _relationships(concepts: Iterable[dict[str, str]]) -> list[tuple[str, ...]]:
    """Give the mappings both ways: each standard concept to itself, and what `relationships.csv` says."""
    pairs = [(row["concept_id"], row["concept_id"], "Maps to") for row in concepts if row["standard_concept"] == "S"]
    pairs += [(row["concept_id_1"], row["concept_id_2"], row["relationship_id"]) for row in table("relationships")]
    both = pairs + [(second, first, _REVERSE[kind]) for first, second, kind in pairs]
    return list(starmap(lambda *pair: (*pair, *_VALID), both))


def _term_concepts() -> list[dict[str, str]]:
    """Give the concepts that stand for domains, classes, relationships and vocabularies, as a release has them."""
    columns = tuple(table("concepts")[0])
    kinds = [(row, _NAMED[row["file"]]) for row in table("terms")]
    rows = [(row["concept_id"], row["name"], "Metadata", kind, kind, "", "OMOP generated") for row, kind in kinds]
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _write_terms(folder: Path) -> None:
    """Write the four small tables that name domains, classes, relationships and vocabularies."""
    terms: dict[str, list[dict[str, str]]] = {}
    for row in table("terms"):
        terms.setdefault(row["file"], []).append(row)
    for file, stem in (("DOMAIN", "domain"), ("CONCEPT_CLASS", "concept_class")):
        rows = [(row["id"], row["name"], row["concept_id"]) for row in terms[file]]
        _write(folder, file, (f"{stem}_id", f"{stem}_name", f"{stem}_concept_id"), rows)
    back = _REVERSE | {second: first for first, second in _REVERSE.items()}
    named = [(row["id"], row["name"], *("11" if row["id"] == "Subsumes" else "00"), back[row["id"]], row["concept_id"]) for row in terms["RELATIONSHIP"]]
    columns = ("id", "name", "is_hierarchical", "defines_ancestry", "reverse_relationship_id", "concept_id")
    _write(folder, "RELATIONSHIP", [column if "_" in column else f"relationship_{column}" for column in columns[:-1]] + ["relationship_concept_id"], named)
    releases = [(row["id"], row["name"], "OMOP generated", RELEASE if row["id"] == "None" else "", row["concept_id"]) for row in terms["VOCABULARY"]]
    _write(folder, "VOCABULARY", [f"vocabulary_{column}" for column in ("id", "name", "reference", "version", "concept_id")], releases)


def _write(folder: Path, name: str, columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> None:
    """Write a table with tabs and without quotes, as Athena does."""
    lines = ["\t".join(columns), *("\t".join(row) for row in rows)]
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
