"""What was measured, and how much: a term, a number and its unit (`Hb 10.2 g/dL`, `BP 120/80 mmHg`)."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from plait.etl.notes.extractor import Finding
from plait.etl.notes.lexicon import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plait.etl.notes.codes import Codes, Meaning
    from plait.etl.notes.lexicon import Hit
    from plait.etl.notes.words import Words

SYSTOLIC, DIASTOLIC, PRESSURE_UNIT = "8480-6", "8462-4", "mm[Hg]"

_LINK = r"[ \t]{0,4}(?:(?:[:=(,]|is|was|of|at|level|value|reading|\))[ \t]{0,4}){0,3}(?:\r?\n[ \t]{0,8})?"
_NUMBER = re.compile(
    _LINK + r"(?P<operator>[<>]=?|[≤≥])?[ \t]{0,2}(?P<number>(?>\d{1,3}(?:,\d{3}){1,3}(?![\d,])(?:\.\d{1,6})?|\d{1,9}(?:[.,]\d{1,6})?))"
    r"(?!\d|[.,/:–-]\d|[eE][+-]?\d|(?:st|nd|rd|th)\b)"  # noqa: RUF001 - a range may have a dash
)
"""A number as a whole, which no more of a number, a range or a date follows: a part of one would be another number."""
_PRESSURE = re.compile(_LINK + r"(?P<systolic>\d{2,3})[ \t]{0,2}/[ \t]{0,2}(?P<diastolic>\d{2,3})(?![\d/])")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_OPERATORS = {"≤": "<=", "≥": ">="}
_SHORT = 2


class Reading(NamedTuple):
    """A finding with the words that it stands in; what is said of it is not yet in it."""

    first: int
    after: int
    finding: Finding


class Amount(NamedTuple):
    """A number with its unit: where it ends, what stands before it."""

    end: int
    number: float
    operator: str | None
    unit: str | None


@cache
def _units() -> tuple[re.Pattern[str], dict[str, str]]:
    """Give a pattern of all units, and what each is in UCUM."""
    known = {row["form"]: row["ucum"] for row in rows_of("units")}
    forms = "|".join(re.escape(form) for form in sorted(known, key=len, reverse=True))
    return re.compile(rf"[ \t]{{0,2}}(?P<unit>{forms})(?![A-Za-z0-9/^])", re.IGNORECASE), known


def amount_at(text: str, place: int) -> Amount | None:
    """Give the number that follows at a place, with its unit where that is known."""
    match = _NUMBER.match(text, place)
    if match is None:
        return None
    end, unit = match.end(), None
    pattern, known = _units()
    found = pattern.match(text, end)
    if found is not None:
        end, unit = found.end(), known.get(found["unit"].lower())
    operator = match["operator"]
    return Amount(end, number_of(match["number"]), _OPERATORS.get(operator or "", operator), unit)


def number_of(text: str) -> float:
    """Give a number with a point or a comma: a comma before just three digits parts thousands.

    >>> number_of("10,2"), number_of("7,200"), number_of("1,200,300.5"), number_of("4.1")
    (10.2, 7200.0, 1200300.5, 4.1)
    """
    return float(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text.replace(",", "."))


def with_amount(finding: Finding, amount: Amount, codes: Codes) -> Finding:
    """Give a finding with what was measured."""
    modifiers = [("value", f"{amount.number:.15g}")]
    if amount.operator:
        modifiers.append(("operator", amount.operator))
    if amount.unit:
        modifiers.append(("unit", amount.unit))
    return replace(
        finding,
        end=amount.end,
        modifiers=(*finding.modifiers, *modifiers),
        value=amount.number,
        operator=amount.operator,
        unit=amount.unit,
        unit_concept_id=codes.unit(amount.unit),
    )


def plain(start: int, end: int, meaning: Meaning, *modifiers: tuple[str, str]) -> Finding:
    """Give a finding of what a code means; a measurement, where the vocabulary does not say what it is."""
    return Finding(start, end, meaning.concept_id, meaning.source_concept_id, meaning.domain or "Measurement", modifiers=modifiers)


def readings(words: Words, hit: Hit, codes: Codes) -> Iterator[Reading]:
    """Yield what was measured where a term of the list `measurements` stands; a short term in small letters is none."""
    text, (code, kind) = words.text, hit.entry.content
    start, end = words.starts[hit.first], words.ends[hit.after - 1]
    if end - start <= _SHORT and text[start].islower():
        return
    if kind == "pressure":
        match = _PRESSURE.match(text, end)
        if match is None:
            return
        unit = _units()[0].match(text, match.end())
        end = unit.end() if unit else match.end()
        for part, name in ((SYSTOLIC, "systolic"), (DIASTOLIC, "diastolic")):
            amount = Amount(end, float(match[name]), None, PRESSURE_UNIT)
            yield reading(words, hit.first, with_amount(plain(start, end, codes.of(part), ("part", name)), amount, codes))
        return
    found = amount_at(text, end)
    if found is not None and (kind != "unit" or found.unit is not None):
        yield reading(words, hit.first, with_amount(plain(start, end, codes.of(code)), found, codes))


def reading(words: Words, first: int, finding: Finding) -> Reading:
    """Give a finding with its words."""
    return Reading(first, max(first + 1, bisect_left(words.starts, finding.end)), finding)
