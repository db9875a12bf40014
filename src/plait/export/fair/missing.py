"""What of snapshots is missing, and why: rows of each view by reason, and the patterns of views that are there, without small cells."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from plait.errors import ExportError
from plait.export.disclosure.cells import Sum, is_small, protected
from plait.export.fair.aggregates import FOLDER, write_figures
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from plait.export.fair.model import TableFile
    from plait.export.outgoing import Outgoing
    from plait.featurestore.fitting import Fitted
    from plait.featurestore.table import FusionTable

MISSING_FILE = f"{FOLDER}/missing.csv"
Name = tuple[str, str, str]
"""A snapshot, a breakdown and a category."""

ALL, PATTERN = "all", "views present"
"""What rows are broken down by besides views: not at all, and by which views are there."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """What made the vectors of a view.

    Attributes:
        view: The view.
        name: The encoder, with its version.
        weights: SHA-256 of its weights; None where it has none.
    """

    view: str
    name: str
    weights: str | None


@dataclass(frozen=True, slots=True)
class Described:
    """A snapshot in figures and words.

    Attributes:
        name: Its name.
        part: The part of a split that it is; None where it is of none.
        rows: Its rows.
        views: Its views, in order.
        found: For each row, by whom it is known (a person and a time), whose it is, and why each view is or is not there.
        filled: How missing values were filled, in words; empty where they were not.
        encoders: What made vectors.
    """

    name: str
    part: str | None
    rows: int
    views: tuple[str, ...]
    found: tuple[tuple[tuple[int, int], int, tuple[str, ...]], ...]
    filled: str
    encoders: tuple[Encoder, ...]


@cache
def meanings() -> dict[str, str]:
    """Give what each reason means."""
    rows = csv.DictReader((files("plait.export.fair") / "reasons.csv").read_text(encoding="utf-8").splitlines(), strict=True)
    return {row["reason"]: row["meaning"] for row in rows}


def describe_snapshot(table: FusionTable, name: str) -> Described:
    """Give what is told of a snapshot.

    Args:
        table: Its rows of the persons who leave.
        name: Its name.
    """
    encoders = []
    for view in table.views:
        made = table.described(view).get("encoder")
        if made and made.get("name"):
            encoders.append(Encoder(view, f"{made['name']} {made.get('version', '')}".strip(), made.get("weights_sha256") or None))
    part = table.part.name if table.part else None
    persons, times = table.index.person_id.tolist(), table.index.at.tolist()
    named = [
        tuple("OBSERVED" if is_there else Reason(code).name for code, is_there in zip(*row, strict=True))
        for row in zip(table.reason.tolist(), table.present.tolist(), strict=True)
    ]
    found = tuple(((person, at), person, reasons) for person, at, reasons in zip(persons, times, named, strict=True))
    return Described(name, part, len(table), table.views, found, _filled(table.fitted) if table.fitted else "", tuple(encoders))


def count_cells(snapshots: Sequence[Described], min_cell: int) -> list[Cell]:
    """Give the rows of each view of each snapshot by reason, and of each pattern of views, as far as they may be told.

    Patterns are left out where most could not be told: they would take what is told of views with them.

    Args:
        snapshots: The snapshots; they may have rows in common.
        min_cell: The smallest cell.
    """
    for has_patterns in (True, False):
        with suppress(ExportError):  # whatever was left out, the number of rows would give some away
            cells = _protect(snapshots, min_cell, has_patterns=has_patterns)
            if cells:
                return cells
    return [Cell(one.name, ALL, "rows", one.rows) for one in snapshots]


class Cell(NamedTuple):
    """Rows of a snapshot.

    Attributes:
        snapshot: The snapshot.
        breakdown: A view, `all`, or `views present`.
        category: Why the view is or is not there, or which views are there.
        rows: How many rows there are; None where that is not told.
    """

    snapshot: str
    breakdown: str
    category: str
    rows: int | None


def _protect(snapshots: Sequence[Described], min_cell: int, *, has_patterns: bool) -> list[Cell]:
    """Give the cells, none if most patterns are not told; rows that some of the snapshots have in common are what figures of these are sums of."""
    rows: Counter[Name] = Counter()
    who: defaultdict[Name, set[int]] = defaultdict(set)
    having: defaultdict[tuple[tuple[int, int], tuple[str, str]], set[str]] = defaultdict(set)
    for one in snapshots:
        for key, person, reasons in one.found:
            pattern = " + ".join(view for view, reason in zip(one.views, reasons, strict=True) if reason == "OBSERVED") or "none"
            named: list[tuple[str, str]] = [(ALL, "rows"), *zip(one.views, reasons, strict=True), *([(PATTERN, pattern)] if has_patterns else [])]
            for cell in named:
                rows[one.name, *cell] += 1
                who[one.name, *cell].add(person)
                having[key, cell].add(one.name)
    small = {cell for cell, persons in who.items() if is_small(len(persons), min_cell)}
    patterns = [cell for cell in rows if cell[1] == PATTERN]
    if 2 * len(small.intersection(patterns)) > len(patterns):
        return []
    place = {cell: number for number, cell in enumerate(rows)}
    counts = [*rows.values()]
    sums = [one for snapshot in snapshots for one in _sums(snapshot, place)] + _in_common(place, counts, having)
    everything = [at for cell, at in place.items() if cell[1] == ALL]
    unseen = range(len(rows), len(counts))
    told = protected(counts, sums, min_cell, small=[place[cell] for cell in small], fixed=everything, unseen=unseen)
    is_told = 2 * sum(told[place[cell]] is None for cell in patterns) <= len(patterns)
    return [Cell(*cell, count) for cell, count in zip(rows, told, strict=False)] if is_told else []


def _in_common(place: Mapping[Name, int], counts: list[int], having: Mapping[tuple[tuple[int, int], tuple[str, str]], Collection[str]]) -> list[Sum]:
    """Give how figures are sums of those of rows that the same snapshots have, and add these to the counts."""
    common = Counter((cell, frozenset(names)) for (_, cell), names in having.items() if len(names) > 1 and cell[0] != ALL)
    shared = {atom: len(counts) + number for number, atom in enumerate(common)}
    counts.extend(common.values())
    alone = {name for (_, cell), names in having.items() if len(names) == 1 and cell[0] == ALL for name in names}
    found = []
    for (snapshot, *cell), at in place.items():
        parts = [number for (of, names), number in shared.items() if of == tuple(cell) and snapshot in names]
        rest = counts[at] - sum(counts[number] for number in parts)
        if parts and (rest or snapshot in alone):  # the rows that this snapshot has for itself
            counts.append(rest)
            parts.append(len(counts) - 1)
        found += [Sum(at, tuple(parts))] if parts else []
    return found


def _sums(one: Described, place: Mapping[Name, int]) -> list[Sum]:
    """Give how the cells of a snapshot add up."""
    cells = [cell for cell in place if cell[0] == one.name]
    found: list[tuple[str, str, list[Name]]] = [(ALL, "rows", [cell for cell in cells if cell[1] == view]) for view in (*one.views, PATTERN)]
    patterns = [cell for cell in cells if cell[1] == PATTERN]
    found += [(view, "OBSERVED", [cell for cell in patterns if view in cell[2].split(" + ")]) for view in one.views]
    return [Sum(place[one.name, view, why], tuple(place[cell] for cell in parts)) for view, why, parts in found if parts]


def write_missing(out: Outgoing, cells: Sequence[Cell]) -> TableFile:
    """Write the figures of snapshots, and describe the table."""
    about = "Rows of a snapshot, by view and why the view is or is not there, and by which views are there."
    return write_figures(out.folder, MISSING_FILE, about, ("snapshot", "breakdown", "category", "rows"), cells)


def shares(cells: Sequence[Cell]) -> tuple[tuple[str, str, float | None], ...]:
    """Give the share of rows for which a view is missing, by reason: where and why, what that means, and the share as far as it is told."""
    everything = {cell.snapshot: cell.rows for cell in cells if cell.breakdown == ALL}
    found = []
    for cell in cells:
        total = everything[cell.snapshot]
        if cell.breakdown not in {ALL, PATTERN} and cell.category != "OBSERVED":
            share = cell.rows / total if cell.rows is not None and total else None
            found.append((f"{cell.snapshot}, {cell.breakdown}: {cell.category}", meanings()[cell.category], share))
    return tuple(found)


def _filled(fitted: Fitted) -> str:
    """Say how what is missing was filled, and what else was learnt."""
    said = []
    if fitted.imputer is not None:
        options = fitted.imputer.model_dump()
        more = ", ".join(f"{name} {value}" for name, value in sorted(options.items()) if name != "kind" and value is not None)
        said.append(f"missing values of dense views are filled by '{options['kind']}'" + (f" ({more})" if more else ""))
    for view, steps in sorted(fitted.recipes.items()):
        if steps:
            said.append(f"{view} is " + ", then ".join(_step(step.model_dump()) for step in steps))
    return "; ".join(said) + "; learnt from training rows alone" if said else ""


def _step(options: dict[str, Any]) -> str:
    more = ", ".join(f"{name} {value}" for name, value in sorted(options.items()) if name != "kind" and value is not None)
    return f"{options['kind']} ({more})" if more else str(options["kind"])


def splits_of(snapshots: Collection[Described]) -> tuple[tuple[str, int], ...]:
    """Give the parts for training and testing that come along, and their rows."""
    found: Counter[str] = Counter()
    for one in snapshots:
        if one.part is not None:
            found[one.part] += one.rows
    return tuple(found.items())
