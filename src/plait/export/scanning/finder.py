"""What identifies, in many texts at once: phrases that the study knows, and what is written like an identifier."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from plait.export.phrases import Phrases

KNOWN = "an identifier that the study knows"

PATTERNS = {
    "an e-mail address": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}",
    "a telephone number": r"(^|[^\d.-])(\+\d{1,3}[ .-]?)?(\(\d{2,4}\)|\d{3})[ .-]\d{3}[ .-]\d{4}($|[^\d.-]|[.-]($|\D))",
    "a telephone number abroad": r"(^|[^\w+])\+[1-9]\d{0,2}[ ./-]?(\(?\d{2,5}\)?[ ./-]){1,4}\d{2,}($|\D)",
    "a social security number": r"(^|[^\d-])\d{3}-\d{2}-\d{4}($|[^\d-])",
    "a medical record number": r"(?i)(^|[^a-z])(MRN|medical record (no|number)|patient (no|number|id))[ .:#]*[A-Z]{0,3}\d{4,}",
}
"""What looks like an identifier, as a regular expression of Rust and RE2."""

SHORTEST_NUMBER = 6
"""Digits of a whole number that is looked at: new ids are small ones."""

IDENTIFIERS = re.compile(r"(?i)mrn|patient|^(?!subject_id$).*subject|case|sample|specimen|accession|identifier")
"""Columns of whole numbers that may hold identifiers; the CDM's ids are new ones, as is `subject_id`, which is what COHORT and MEDS call a person."""

IN_GENOME = r'"(pos|start|end)"\s*:\s*"?\d+"?|\b[cgmnr]\.[*-]?\d+([_+*-]+\d+)*'
"""A place in a genome, in JSON (VCF, VRS) or by HGVS: of so many numbers, some are anybody's record number by chance."""

ANY_PATTERN = "|".join(f"(?:{pattern})" for pattern in PATTERNS.values())
"""What looks like an identifier of any kind."""
_HIDDEN = "…"


class Finder:
    """Finds what identifies.

    Args:
        known: What the study knows persons by.
        allowed: Texts that may stand in metadata, as the contact's address.
    """

    def __init__(self, known: Phrases, allowed: Iterable[str] = ()) -> None:
        self.known, self.allowed = known, tuple(allowed)

    def look(self, texts: pl.Series, *, is_metadata: bool = False, is_number: bool = False) -> dict[str, int]:
        """Give how many of some texts have what identifies, by its kind; of whole numbers only those that are known."""
        import polars as pl

        texts = texts.drop_nulls()
        if is_metadata:
            for one in self.allowed:
                texts = texts.str.replace_all(one, "", literal=True)
        counted = texts.alias("text").value_counts(name="n")
        each, numbers = counted["text"], counted["n"]
        if is_number:
            counted = counted.filter(pl.col("text").str.len_chars() >= SHORTEST_NUMBER)
            each, numbers = counted["text"], counted["n"]
        found: dict[str, int] = {}
        rows = self.known.within(each)["row"].unique()
        if len(rows):
            rows = rows.gather(self.known.within(each[rows].str.replace_all(IN_GENOME, " "))["row"].unique())
        if len(rows):
            found[KNOWN] = int(numbers[rows].sum())
        if not is_number:
            suspect = counted.filter(each.str.contains(ANY_PATTERN))
            for label, pattern in PATTERNS.items() if suspect.height else ():
                count = int(suspect.filter(pl.col("text").str.contains(pattern))["n"].sum())
                if count:
                    found[label] = count
        return found

    def masked(self, place: str) -> str:
        """Give the name of a place without what identifies in it."""
        import polars as pl

        parts = re.split(r"([/,!] ?)", place)
        hits = {int(row) for row in self.known.within(pl.Series(parts))["row"]}
        hits |= {n for n, part in enumerate(parts) if any(re.search(pattern, part) for pattern in PATTERNS.values())}
        told = "".join(_HIDDEN if n in hits else part for n, part in enumerate(parts))
        return told if not self.known.within(pl.Series([told])).height else _HIDDEN
