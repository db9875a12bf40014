"""What months and weekdays are called in the languages of notes."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_PACKAGE = "plait.export.deidentify.text"


@dataclass(frozen=True, slots=True)
class Word:
    """A month or a weekday by name.

    Attributes:
        number: Of the month, 1 to 12, or of the weekday, 0 (Monday) to 6.
        language: Its language.
        is_short: Whether it is the short form.
    """

    number: int
    language: str
    is_short: bool


@cache
def names_of(table: str) -> dict[str, list[Word]]:
    """Give the names of `months` or `weekdays`, in small letters, by what each may be: English first."""
    found: dict[str, list[Word]] = {}
    for row in csv.DictReader((files(_PACKAGE) / f"{table}.csv").read_text(encoding="utf-8").splitlines(), strict=True):
        number = int(row["month" if table == "months" else "weekday"])
        for form in ("long", "short"):
            found.setdefault(row[form], []).append(Word(number, row["language"], form == "short"))
    if table == "months":
        found["sept"].insert(0, Word(9, "en", is_short=True))
    return found


def names_of_months() -> list[str]:
    """Give what months are called in the languages of notes, long and short, in small letters, the longest first."""
    return sorted(names_of("months"), key=len, reverse=True)
