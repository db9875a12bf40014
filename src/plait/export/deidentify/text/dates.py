"""Dates in free text, shifted and written in the form that they had.

A date whose day, month and year are told is shifted; one of which a part is missing cannot be, and becomes `[date]`; a year alone stays (45 CFR
164.514(b)(2)(i)(C)). Whether `03/04/2019` is March or April follows from the other dates of the note that are written
so, then from those of the study's notes; where nothing tells, it is March, and with points between, as in Europe, April.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from plait.export.deidentify.calendar import moved
from plait.export.deidentify.text.names import Word, names_of, names_of_months
from plait.export.deidentify.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plait.export.deidentify.text.rules import Seen

Order = Literal["day", "month"]
"""What stands first in a date of three numbers."""

KIND = "date"
_PACKAGE = "plait.export.deidentify.text"
_FIRST_YEAR, _LAST_YEAR = 1850, 2100
_PIVOT = 50
_LONGEST_DAY = 20
"""Signs before a month among which its day stands."""
_NAMES_BEFORE = 14
"""Signs before a date among which its weekday stands."""

_NUMBERS = re.compile(
    r"(?:(?<![\d./-])|(?<=\d-)(?=\d{1,2}/\d{1,2}/))(?:(?P<y>\d{4}) ?(?P<s>[-/.]) ?(?P<m>\d{1,2}) ?(?P=s) ?(?P<d>\d{1,2})(?=$|\D)(?![./-]\d)"
    r"|(?P<a>\d{1,2}) ?(?P<t>[-/.]) ?(?P<b>\d{1,2}) ?(?P=t) ?(?P<z>\d{4}|'?\d{2})(?!\d)(?![./-]\d)(?!%))"
)
_COMPACT = re.compile(
    r"(?<![\w.,/-])(?P<y>(?:18|19|20)\d\d)(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?=(?:T?[0-2]\d[0-5]\d(?:[0-5]\d)?(?:\.\d+)?)?(?![\w-]))"
)
_MONTH_AND_YEAR = re.compile(r"(?<![\d./-])(?:(?:0?[1-9]|1[0-2])[/.-](?:18|19|20)\d\d|(?:18|19|20)\d\d-(?:0[1-9]|1[0-2]))(?![\d/-])")
_SEASON = re.compile(r"(?:spring|summer|autumn|fall|winter|christmas|easter|early|mid|late)(?: of|-| ) ?(?:18|19|20)\d\d\b")
_DAY_AND_MONTH = re.compile(
    r"(?<![\d./-])(?:0?[1-9]|[12]\d|3[01])/(?:0?[1-9]|[12]\d|3[01])(?![\d/%]|\.\d|-\d{2,}\b(?!/)|\s?(?:mg|ml|mmHg|of\b|hpf|pain|strength))"
)
_CUE = re.compile(
    r"\b(?:(?:on|since|from|until|till|dated?|by|before|after|of|through|thru|to|between|vom|am|seit|bis|le|du|au)[: ]{1,2}"
    r"|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? )$"
)
"""What stands before a day and a month that are no fraction."""
_RANGE = re.compile(r" ?[-\u2013] ?\d{1,2}/\d{1,2}/\d{2,4}")


@cache
def _written(table: str) -> dict[Word, str]:
    """Give how each name is written."""
    return {word: name for name, meanings in reversed(names_of(table).items()) for word in meanings}


@cache
def _month() -> re.Pattern[str]:
    """Give what finds the names of months, in small letters."""
    return re.compile("(?:" + "|".join(map(re.escape, names_of_months())) + r")(?![^\W\d_])")


_FURTHEST_YEARS = 50
"""A note may tell what is planned in some years; a day so many years ahead is a form's that was not filled in."""
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:(?:18|19|20)\d\d|'\d\d)"
_BEFORE = re.compile(rf"(?<![\w.])(?P<r>{_DAY} ?(?:[-\u2013]|to|and|bis|/) ?)?(?P<d>{_DAY})(?P<o>st|nd|rd|th|er|\.|º)?(?P<g>[ -]?(?:of |de |the )?)$")
"""A day, or several, before a month."""
_YEAR_BEHIND = re.compile(rf"\.?(?:,? ?(?:of |de |del )?|-)(?P<y>{_YEAR}|(?<=-)\d\d)(?![\w])")
_DAY_BEHIND = re.compile(
    rf"\.?(?:[ -]?(?:the )?(?P<d>{_DAY})(?P<o>st|nd|rd|th)?(?!\d|:\d|\.\d)(?P<r> ?[-\u2013] ?{_DAY})?(?:(?:,? |, ?|-)(?P<y>{_YEAR})(?!\d))?"
    rf"|,?(?: of| de| del)?[ -]?(?P<a>{_YEAR}))(?!\w)"
)
"""A day and a year behind a month, or a year alone."""


@cache
def _weekday() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Give what finds a weekday before a date and behind it."""
    name = "|".join(sorted(map(re.escape, names_of("weekdays")), key=len, reverse=True))
    return (
        re.compile(rf"\b(?P<w>{name})(?P<p>\.?,?(?: ?den| the| le| el)? ?)$", re.IGNORECASE),
        re.compile(rf"^(?:, ?| ?\(| )(?P<w>{name})(?![\w'-])", re.IGNORECASE),
    )


@dataclass(frozen=True, slots=True)
class Shift:
    """What becomes of a person's dates.

    Attributes:
        days: By how many days they are shifted.
        order: What stands first in a date of three numbers with strokes or hyphens, where the note does not tell.
    """

    days: int
    order: Order | None = None

    def find(self, seen: Seen) -> Iterator[Span]:
        """Yield each date of a text with what is written in its place."""
        if not seen.digits:
            return
        text = seen.text
        numbers = list(_NUMBERS.finditer(text))
        orders = {sign: order_of([match for match in numbers if match["t"] == sign]) or self._usual(sign) for sign in "-/."} if numbers else {}
        for match in numbers:
            yield from self._of_numbers(text, match, orders.get(match["t"], "day"))
        if seen.digits >= len("20190314"):
            yield from self._compact(text)
        for month in _month().finditer(seen.small):
            if month.start() == 0 or not text[month.start() - 1].isalpha():
                yield from self._by_name(seen, *month.span())
        yield from _partial(seen)

    def _compact(self, text: str) -> Iterator[Span]:
        """Yield dates of eight digits, as in a time of HL7 or DICOM."""
        for match in _COMPACT.finditer(text):
            day = _date(int(match["y"]), int(match["m"]), int(match["d"]))
            if day is not None:
                yield Span(*match.span(), KIND, "compact-date", f"{self._moved(day):%Y%m%d}")

    def _moved(self, day: dt.date) -> dt.date:
        return moved(day, self.days, _FURTHEST_YEARS)

    def _usual(self, sign: str) -> Order:
        """Give what stands first in a date of three numbers with a sign between, where the note does not tell."""
        return "day" if sign == "." else self.order or "month"

    def _of_numbers(self, text: str, match: re.Match[str], order: Order) -> Iterator[Span]:
        """Yield a date of three numbers; one that cannot be is none if it may be something else, and goes if it may not."""
        if match["y"] is not None:
            yield from self._filled(text, match, ("y", "m", "d"), "year-first")
            return
        chosen = ("d", "m") if order == "day" else ("m", "d")
        for first, second in (chosen, chosen[::-1]):
            spans = list(self._filled(text, match, (first, second, "y"), f"{'day' if first == 'd' else 'month'}-first", groups=("a", "b", "z")))
            if spans and spans[0].new is not None:
                yield from spans
                return
        if len(match["z"]) == len("2019"):
            yield Span(*match.span(), KIND, "partial-date")

    def _filled(self, text: str, match: re.Match[str], parts: tuple[str, ...], rule: str, groups: tuple[str, ...] | None = None) -> Iterator[Span]:
        """Yield a date with its numbers replaced where they stand, and its weekday."""
        places = dict(zip(parts, groups or parts, strict=True))
        year = match[places["y"]]
        day = _date(_full_year(year), int(match[places["m"]]), int(match[places["d"]]))
        if day is None:
            if groups is None:
                yield Span(*match.span(), KIND, "partial-date")
            return
        moved = self._moved(day)
        is_padded = any(len(match[places[part]]) == len("01") and match[places[part]][0] == "0" for part in "md")
        never_padded = any(len(match[places[part]]) == 1 for part in "md")
        width = 2 if is_padded or not never_padded else 1
        values = {"y": _year_like(year, moved.year), "m": f"{moved.month:0{width}}", "d": f"{moved.day:0{width}}"}
        parts_of = [(*match.span(group), values[part]) for part, group in places.items()]
        yield Span(*match.span(), KIND, rule, _replaced(text, match.span(), parts_of))
        yield from self._weekdays(text, match.start(), match.end(), day)

    def _by_name(self, seen: Seen, start: int, end: int) -> Iterator[Span]:
        """Yield the date of which a month's name is a part; a part of a date goes if it is one beyond doubt."""
        text, low = seen.text, max(start - _LONGEST_DAY, 0)
        before = _BEFORE.search(seen.small[low:start])
        behind = (_YEAR_BEHIND if before else _DAY_BEHIND).match(seen.small, end)
        day, offset = (before, low) if before else (behind, 0)
        if day is None:
            return
        whole = (low + before.start() if before else start, behind.end() if behind else end)
        year = behind["y"] if behind else None
        if year is None or day["d"] is None or day["r"]:
            if text[start].isupper() or (behind and (year or behind.groupdict().get("a"))):
                yield Span(*whole, KIND, "partial-date")
            return
        word = _meant(seen.small[start:end], text[whole[0] : whole[1]])
        date = _date(_full_year(year), word.number, int(day["d"]))
        if date is None or behind is None:
            yield Span(*whole, KIND, "partial-date")
            return
        moved = self._moved(date)
        is_padded = day["d"][0] == "0" or (before is not None and len(day["d"]) == len("14") and before["g"] in {"", "-"})
        parts = [
            (start, end, _like(text[start:end], _written("months")[Word(moved.month, word.language, word.is_short)])),
            (offset + day.start("d"), offset + day.end("d"), f"{moved.day:02}" if is_padded else str(moved.day)),
            (*behind.span("y"), _year_like(year, moved.year)),
        ]
        if day["o"] and day["o"] not in {".", "º"}:
            first, after = offset + day.start("o"), offset + day.end("o")
            parts.append((first, after, _like(text[first:after], _ordinal(moved.day, is_french=day["o"] == "er"))))
        yield Span(*whole, KIND, "month-name", _replaced(text, whole, parts))
        yield from self._weekdays(text, *whole, date)

    def _weekdays(self, text: str, start: int, end: int, day: dt.date) -> Iterator[Span]:
        """Yield the weekdays beside a date, where these are its own."""
        before, behind = _weekday()
        low = max(start - _NAMES_BEFORE, 0)
        for match, offset in ((before.search(text[low:start]), low), (behind.search(text[end : end + _NAMES_BEFORE]), end)):
            if match is None:
                continue
            fitting = [word for word in names_of("weekdays")[match["w"].lower()] if word.number == day.weekday()]
            if fitting:
                moved = Word(self._moved(day).weekday(), fitting[0].language, fitting[0].is_short)
                yield Span(offset + match.start("w"), offset + match.end("w"), KIND, "weekday", _like(match["w"], _written("weekdays")[moved]))


def _replaced(text: str, whole: tuple[int, int], parts: list[tuple[int, int, str]]) -> str:
    """Give a piece of a text with parts of it written anew."""
    made, place = "", whole[0]
    for start, end, new in sorted(parts):
        made += text[place:start] + new
        place = end
    return made + text[place : whole[1]]


def _partial(seen: Seen) -> Iterator[Span]:
    """Yield dates of which a part is missing."""
    spans = [match.span() for match in _SEASON.finditer(seen.small)]
    if seen.digits >= len("2019"):
        spans += [match.span() for match in _MONTH_AND_YEAR.finditer(seen.text)]
    for match in _DAY_AND_MONTH.finditer(seen.text) if "/" in seen.text else ():
        start, end = match.span()
        is_padded = match[0][0] == "0" and len(match[0]) == len("03/14")
        if is_padded or _RANGE.match(seen.text, end) or _CUE.search(seen.small, max(start - _NAMES_BEFORE, 0), start):
            spans.append((start, end))
    yield from (Span(start, end, KIND, "partial-date") for start, end in spans)


def order_of(dates: list[re.Match[str]]) -> Order | None:
    """Give what stands first in dates of three numbers, by those that can be read in one way only; None if there are none, or as many of each."""
    days = sum(1 for match in dates if match["a"] and int(match["a"]) > 12 >= int(match["b"]))  # noqa: PLR2004 - months of a year
    months = sum(1 for match in dates if match["a"] and int(match["b"]) > 12 >= int(match["a"]))  # noqa: PLR2004 - as above
    return None if days == months else "day" if days > months else "month"


def count_orders(text: str) -> tuple[int, int]:
    """Give how many dates of a text must have the day first, and how many the month."""
    dates = [match for match in _NUMBERS.finditer(text) if match["a"] and match["t"] != "."]
    return tuple(sum(1 for match in dates if order_of([match]) == one) for one in ("day", "month"))  # type: ignore[return-value]


def _date(year: int, month: int, day: int) -> dt.date | None:
    """Give a date of a patient's life, None where these numbers are none."""
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _full_year(written: str) -> int:
    """Give a year that may be written with two digits."""
    digits = written.lstrip("'")
    return int(digits) if len(digits) > len("19") else int(digits) + (2000 if int(digits) < _PIVOT else 1900)


def _year_like(written: str, year: int) -> str:
    """Give a year as another was written."""
    if len(written.lstrip("'")) > len("19"):
        return str(year)
    return ("'" if written.startswith("'") else "") + f"{year % 100:02}"


def _meant(name: str, around: str) -> Word:
    """Give what a month's name means: in the language that the words beside it are of, English where nothing tells."""
    meanings = names_of("months")[name]
    hints = {"es": " de ", "de": ". "}
    for language, hint in hints.items():
        fitting = [word for word in meanings if word.language == language]
        if fitting and hint in around:
            return fitting[0]
    return meanings[0]


def _ordinal(day: int, *, is_french: bool) -> str:
    """Give the ending of a day's number."""
    if is_french:
        return "er" if day == 1 else ""
    return "th" if day in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _like(written: str, name: str) -> str:
    """Give a name in capitals and small letters as another was written."""
    if written.isupper():
        return name.upper()
    return name.capitalize() if written[0].isupper() else name
