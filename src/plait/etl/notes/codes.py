"""Concepts of the codes that plait's lists name: looked up in the vocabulary, never typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.duck import connect, sql
from plait.etl.notes.lexicon import rows_of
from plait.etl.vocabulary import read_release, register

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means: its concept, the standard one and its domain; 0 and None where the vocabulary does not have it."""

    source_concept_id: int = 0
    concept_id: int = 0
    domain: str | None = None


UNKNOWN = Meaning()


class Codes:
    """The codes of the lists, in a release of the vocabulary.

    Args:
        vocabulary: Folder of the release.
    """

    def __init__(self, vocabulary: Path) -> None:
        named = {row["code"] for name in ("sections", "measurements", "oncology") for row in rows_of(name) if row["code"]}
        with connect(threads=1) as con:
            register(con, read_release(vocabulary))
            found = con.execute(sql("plait.etl.notes", "codes"), {"loinc": sorted(named)}).fetchall()
        self._meanings = {(vocabulary_id, code): Meaning(source, target or 0, domain) for vocabulary_id, code, source, target, domain in found}
        self._keys = {row["key"]: (row["vocabulary_id"], row["code"]) for row in rows_of("oncology")}

    def of(self, code: str, vocabulary_id: str = "LOINC") -> Meaning:
        """Give what a code means."""
        return self._meanings.get((vocabulary_id, code), UNKNOWN)

    def key(self, key: str) -> Meaning:
        """Give what a line of the list `oncology` means, by its key."""
        vocabulary_id, code = self._keys[key]
        return self.of(code, vocabulary_id)

    def unit(self, ucum: str | None) -> int | None:
        """Give the concept of a unit, 0 where the vocabulary does not have it, None of none."""
        return None if ucum is None else self.of(ucum, "UCUM").concept_id

    def staged(self, part: str, value: str, prefix: str) -> Meaning:
        """Give what a part of a TNM or a stage means.

        The vocabulary's Cancer Modifier has a concept for each value (`p-AJCC/UICC-T2`); without it a LOINC code says what was classified.
        """
        name = f"Stage-{value}" if part == "stage" else f"{part}{value}"
        for mark in dict.fromkeys((prefix, prefix[-1:], "")):
            found = self.of(f"{mark}{'-' if mark else ''}AJCC/UICC-{name}", "Cancer Modifier")
            if found is not UNKNOWN:
                return found
        return self.key(f"{'p' if 'p' in prefix else 'c'}{part}")
