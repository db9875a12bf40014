"""The last look at the figures of a package: whether a small cell stands in them, or can be worked out from them.

It reads what was written and nothing else, and knows nothing of how figures were suppressed.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from plait.errors import ExportError
from plait.export.disclosure.derive import Equation, derivable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_COUNTED = ("persons", "records", "rows")
_TEXTS = ("*.json", "*.md", "*.cff")
_OF_PERSONS = re.compile(r"(?<![\d.,-])(\d{1,3}(?:,\d{3})*|\d+) (?:persons|patients)\b")
_SHARES = re.compile(r"(\d+(?:\.(\d+))?) ?%")
_FEW = 10
"""Places that an error names."""


def audit(folder: Path, min_cell: int, persons: int) -> list[str]:
    """Give the places of figures of too few, and of those from which such a figure follows.

    Args:
        folder: The package.
        min_cell: The smallest cell.
        persons: Persons in it, which it tells where they are enough.
    """
    groups = _rows(folder / "aggregates/persons.csv")
    concepts = _rows(folder / "aggregates/concepts.csv")
    missing = _rows(folder / "aggregates/missing.csv")
    checks = _results(folder / "checks.json")
    found: list[str] = []
    for file in sorted((folder / "aggregates").glob("*.csv")):
        found += [f"{file.name}, column {name}" for row in _rows(file) for name in _COUNTED if _is_small(_number(row.get(name)), min_cell)]
    found += _of_groups(groups, persons if persons >= min_cell else None, min_cell)
    found += _of_concepts(concepts, checks, min_cell)
    found += _of_missing(missing, min_cell)
    found += _of_checks(checks, min_cell)
    found += _of_texts(folder, min_cell, persons)
    return list(dict.fromkeys(found))


def refuse_small(places: Sequence[str], min_cell: int) -> None:
    """Fail where there is a figure of too few.

    Raises:
        ExportError: There is; lists the places.
    """
    if places:
        shown = "; ".join(places[:_FEW]) + ("; …" if len(places) > _FEW else "")
        raise ExportError("the package", expected=f"no figure that tells of fewer than {min_cell}", got=shown, todo="Tell fewer figures; nothing was written.")


def _of_groups(rows: Sequence[Mapping[str, str]], persons: int | None, min_cell: int) -> Iterator[str]:
    """Look for groups of persons that follow from the others, or from how many persons there are."""
    cells = {(row["breakdown"], row["category"]): _number(row["persons"]) for row in rows}
    names = {name for name, _ in cells}
    everybody = ("everybody", "")
    equations = []
    for name in sorted(names):
        parts = [cell for cell in cells if cell[0] == name]
        equations += [Equation(everybody, parts)] if persons is not None else []
        first, _, second = name.partition(" and ")
        for margin in (first, second) if second in names else ():
            for total in [cell for cell in cells if cell[0] == margin]:
                start, end = (f"{total[1]}, ", "") if margin == first else ("", f", {total[1]}")
                equations.append(Equation(total, [cell for cell in parts if cell[1].startswith(start) and cell[1].endswith(end)]))
    for breakdown, category in derivable({**cells, everybody: persons or 0}, equations, min_cell):
        yield f"persons.csv, {breakdown}: {category}"


def _of_concepts(rows: Sequence[Mapping[str, str]], checks: Sequence[Mapping[str, Any]], min_cell: int) -> Iterator[str]:
    """Look for concepts whose rows follow from the others and the rows of their table, which checks tell."""
    of_table: dict[str, list[Mapping[str, str]]] = defaultdict(list)
    for row in rows:
        of_table[row["table_name"]].append(row)
    for table, group in of_table.items():
        told = sum(_number(row["records"]) or 0 for row in group)
        totals = {check["denominator"] for check in checks if check["table_name"] == table and check["denominator"] is not None}
        if any(0 < total - told < min_cell for total in totals):
            yield f"concepts.csv and checks.json, {table}: what the concepts that are told leave of its rows"
        for row in group:
            if "" in {row["persons"], row["records"]}:
                yield f"concepts.csv, {table}: a concept of which not all is told"


def _of_missing(rows: Sequence[Mapping[str, str]], min_cell: int) -> Iterator[str]:
    """Look for reasons and patterns of a snapshot that follow from the others."""
    for snapshot in sorted({row["snapshot"] for row in rows}):
        own = [row for row in rows if row["snapshot"] == snapshot]
        cells = {(row["breakdown"], row["category"]): _number(row["rows"]) for row in own}
        everything = next((cell for cell in cells if cell[0] == "all"), None)
        equations = []
        for name in sorted({cell[0] for cell in cells} - {"all"}):
            parts = [cell for cell in cells if cell[0] == name]
            if everything is not None:
                equations.append(Equation(everything, parts))
            if (name, "OBSERVED") in cells:
                having = [cell for cell in cells if cell[0] == "views present" and name in cell[1].split(" + ")]
                equations += [Equation((name, "OBSERVED"), having)] if having else []
        for breakdown, category in derivable(cells, equations, min_cell):
            yield f"missing.csv, {snapshot}, {breakdown}: {category}"


def _of_checks(checks: Iterable[Mapping[str, Any]], min_cell: int) -> Iterator[str]:
    """Look for figures of checks that are small, leave a small rest, or differ by a small number from those of another check of the table."""
    figures: dict[str, set[int]] = defaultdict(set)
    for row in checks:
        violated, denominator = row["violated"], row["denominator"]
        found = [number for number in (violated, denominator) if number is not None]
        found += [denominator - violated] if len(found) == 2 else []  # noqa: PLR2004 - both are told
        if any(_is_small(number, min_cell) for number in found):
            yield f"checks.json, {row['check_id']}"
        figures[row["table_name"]] |= {number for number in found if number}
    for table, numbers in sorted(figures.items()):
        ordered = sorted(numbers)
        if any(_is_small(larger - smaller, min_cell) and larger + smaller not in numbers for smaller, larger in pairwise(ordered)):
            yield f"checks.json, {table}: the difference of two figures"


def _of_texts(folder: Path, min_cell: int, persons: int) -> Iterator[str]:
    """Look for figures of persons in what is said of the package."""
    for file in sorted(path for pattern in _TEXTS for path in folder.glob(pattern) if path.name != "checks.json"):
        for match in _OF_PERSONS.finditer(file.read_text(encoding="utf-8")):
            if _is_small(_number(match[1].replace(",", "")), min_cell):
                yield f"{file.name}: a number of persons"
    croissant = folder / "croissant.json"
    said = json.loads(croissant.read_text(encoding="utf-8")).get("rai:dataBiases", []) if croissant.exists() else []
    for text in [said] if isinstance(said, str) else said:
        for match in _SHARES.finditer(text):
            most = (float(match[1]) + 0.5 * 10.0 ** -len(match[2] or "")) / 100 * persons
            if float(match[1]) > 0 and most < min_cell:
                yield "croissant.json, rai:dataBiases: a share of the persons"


def _rows(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def _results(file: Path) -> list[dict[str, Any]]:
    content = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    rows = content.get("results", []) if isinstance(content, dict) else []
    return [row for row in rows if {"table_name", "check_id", "violated", "denominator"} <= {*row}]


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _is_small(number: int | None, min_cell: int) -> bool:
    return number is not None and 0 < number < min_cell
