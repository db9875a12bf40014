"""The slow second look at a file that did not read as it should: the first line that is wrong, or how its dates are to be read.

It runs only after the fast reader gave up, goes line by line, and so can say where the fault is.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from plait.duck import one_file, quoted
from plait.errors import VocabularyError
from plait.etl.vocabulary.download import UNREADABLE, DateStyle, SourceFile, open_bytes
from plait.schema import Field, cdm_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

_AGAIN = "Correct the line, or download the vocabulary again from https://athena.ohdsi.org."
_SLASHES = re.compile(r"(\d{2})/(\d{2})/(\d{4})")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_DAY_NUMBER = re.compile(r"\d{5}")
_LAST_MONTH = 12
_SHOWN = 60


@dataclass(slots=True)
class Dates:
    """How the dates of one file turned out to be written.

    Attributes:
        by_slash: Number of dates such as 31/12/2099.
        by_day_number: Number of dates such as 73050, the days that a spreadsheet counts from 1899-12-30.
        day_first: First line whose date can only be day/month/year.
        month_first: First line whose date can only be month/day/year.
        either: First line whose date could be both, and would differ.
    """

    by_slash: int = 0
    by_day_number: int = 0
    day_first: int | None = None
    month_first: int | None = None
    either: int | None = None

    @property
    def style(self) -> DateStyle:
        """The style that reads them all."""
        if not self.by_slash:
            return "text"
        return "month-first" if self.month_first is not None else "day-first"

    def add(self, text: str, line: int) -> bool:
        """Take in one date, and say whether it is one."""
        if match := _COMPACT.fullmatch(text) or _ISO.fullmatch(text):
            return _is_date(*map(int, match.groups()))
        if match := _SLASHES.fullmatch(text):
            return self._add_slashes(match, line)
        if _DAY_NUMBER.fullmatch(text):
            self.by_day_number += 1
            return True
        return False

    def _add_slashes(self, match: re.Match[str], line: int) -> bool:
        first, second, year = map(int, match.groups())
        self.by_slash += 1
        if first > _LAST_MONTH:
            self.day_first = self.day_first or line
        elif second > _LAST_MONTH:
            self.month_first = self.month_first or line
        elif first != second:
            self.either = self.either or line
        return _is_date(year, second, first) or _is_date(year, first, second)


def inspect(con: duckdb.DuckDBPyConnection, file: SourceFile) -> Dates:
    """Go through a file line by line and give how its dates are written.

    Args:
        con: Reads the file if it is Parquet.
        file: The file to look at.

    Raises:
        VocabularyError: A line has too many or too few columns, or an id, a number or a date cannot be read; it names the first such line.
    """
    dates = Dates()
    fields = {field.name: field for field in cdm_tables()[file.table].fields}
    checked = [(position, fields[name]) for position, name in enumerate(file.columns) if name in fields and fields[name].base_type != "varchar"]
    for line, row in _rows(con, file):
        if len(row) != len(file.columns):
            raise VocabularyError(f"{file.path}, line {line}", expected=f"{len(file.columns)} columns", got=f"{len(row)}", todo=_AGAIN)
        for position, field in checked:
            text = row[position].strip()
            if not _is_readable(text, field, dates, line):
                got = repr(text[:_SHOWN]) if text else "nothing"
                raise VocabularyError(f"{file.path}, line {line}, column {field.name}", expected=_wanted(field), got=got, todo=_AGAIN)
    _reject_doubt(file, dates)
    return dates


def _reject_doubt(file: SourceFile, dates: Dates) -> None:
    todo = "Write dates as YYYYMMDD, or " + _AGAIN[0].lower() + _AGAIN[1:]
    if dates.day_first is not None and dates.month_first is not None:
        where = f"{file.path}, line {max(dates.day_first, dates.month_first)}"
        got = f"day/month/year on line {dates.day_first} and month/day/year on line {dates.month_first}"
        raise VocabularyError(where, expected="dates of one kind", got=got, todo=todo)
    if dates.either is not None and dates.day_first is None and dates.month_first is None:
        raise VocabularyError(f"{file.path}, line {dates.either}", expected="a date", got="one that is day/month or month/day", todo=todo)


def _rows(con: duckdb.DuckDBPyConnection, file: SourceFile) -> Iterator[tuple[int, Sequence[str]]]:
    """Give each record and the number of the line (of Parquet: of the row) that it begins on."""
    if file.is_parquet:
        yield from _parquet_rows(con, file)
        return
    reader = csv.reader(_lines(file), delimiter=file.delimiter, quoting=csv.QUOTE_MINIMAL if file.quote else csv.QUOTE_NONE)
    next(reader, None)
    begin = reader.line_num + 1
    try:
        for row in reader:
            if row:
                yield begin, row
            begin = reader.line_num + 1
    except csv.Error as error:
        raise VocabularyError(f"{file.path}, line {begin}", expected="a line of fields", got=str(error), todo=_AGAIN) from error


def _lines(file: SourceFile) -> Iterator[str]:
    try:
        with open_bytes(file.path) as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield line.decode("utf-8")
                except UnicodeDecodeError as error:
                    raise VocabularyError(f"{file.path}, line {number}", expected="text in UTF-8", got="other bytes", todo=_AGAIN) from error
    except UNREADABLE as error:
        raise VocabularyError(file.path, expected="a readable file", got=str(error), todo="Check its permissions. " + _AGAIN) from error


def _parquet_rows(con: duckdb.DuckDBPyConnection, file: SourceFile) -> Iterator[tuple[int, Sequence[str]]]:
    columns = ", ".join(f"COALESCE(CAST({quoted(name)} AS VARCHAR), '')" for name in file.columns)
    cursor = con.cursor().execute(f"SELECT {columns} FROM read_parquet($path, hive_partitioning = false)", {"path": one_file(file.path)})
    number = 0
    while rows := cursor.fetchmany(10_000):
        for row in rows:
            number += 1
            yield number, [text.removesuffix(" 00:00:00") for text in row]


def _is_readable(text: str, field: Field, dates: Dates, line: int) -> bool:
    if not text:
        return not field.required
    if field.base_type == "date":
        return dates.add(text, line)
    try:
        number = float(text)
    except ValueError:
        return False
    return field.base_type == "float" or number.is_integer()  # R writes 100000 as 1e+05


def _wanted(field: Field) -> str:
    return {"date": "a date as YYYYMMDD", "integer": "an integer", "float": "a number"}[field.base_type]


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
