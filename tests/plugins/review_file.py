"""Review files as people and programs leave them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Lines = list[dict[str, str]]


def read(file: Path) -> Lines:
    """Read a review file as a spreadsheet does."""
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")))


def save(file: Path, lines: Lines, *, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """Save a review file as a spreadsheet does."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(lines[0]), delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(lines)
    file.write_bytes(text.getvalue().encode(encoding))
    return file


def of(lines: Lines, code: str) -> dict[str, str]:
    """Give the line of a code."""
    return next(line for line in lines if line["ADD_INFO:key"].endswith(f"|{code}"))


def as_usagi(file: Path) -> Lines:
    """Read a file by the rules of Usagi 1.4 (`ReadCSVFile`, `StringUtilities.safeSplit`): line by line, with backslashes that escape."""

    def split(line: str) -> list[str]:
        cells, start, is_quoted, is_escaped = [], 0, False, False
        for place, letter in enumerate(line):
            if letter == '"' and not is_escaped:
                is_quoted = not is_quoted
            if letter == "," and not is_quoted and not is_escaped:
                cells.append(line[start:place])
                start = place + 1
            is_escaped = letter == "\\" and not is_escaped
        return [*cells, line[start:]]

    def plain(cell: str) -> str:
        if len(cell) > 1 and cell.startswith('"') and cell.endswith('"'):
            cell = cell[1:-1]
        return cell.replace('""', '"').replace('\\"', '"').replace("\\\\", "\\")

    header, *lines = file.read_text(encoding="utf-8").splitlines()
    names = [plain(name) for name in split(header)]
    return [dict(zip(names, map(plain, split(line)), strict=True)) for line in lines]
