"""Covariates of a sample of rows against the events of the CDM that they are of."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.schema.reasons import Reason
from plait.validators.snapshots.asked import DAY_US, FUTURE, OTHER, PACKAGE, Difference

if TYPE_CHECKING:
    from plait.validators.snapshots.asked import Asked
    from plait.validators.snapshots.reading import View

_THOUSAND = 1_000
"""A covariate's id is a thousand times its concept, and its analysis (FeatureExtraction)."""


def covariates(asked: Asked) -> tuple[list[Difference], int]:
    """Look for the events behind covariates of concepts; of a concept by the start of its events, both ways, with its latest day."""
    view = asked.view
    found: list[Difference] = []
    compared = 0
    sampled_rows = {int(row): place for place, row in enumerate(asked.rows)}
    entries = _entries(view, sampled_rows)
    numbers = [_number(name) for name in view.names]
    for analysis in analyses():
        of = [place for place, number in enumerate(numbers) if _is_of(number, analysis)]
        if not of:
            continue
        days = asked.select("latest", clock=asked.snapshot.clock, table=analysis["table"])
        known = {(row[0], row[1]): row[2] for row in days.iter_rows()}
        concepts = {place: int(view.names[place].partition("@")[0]) // _THOUSAND for place in of}
        below = _below(asked, sorted(set(concepts.values()))) if not analysis["window"] else {}
        moments, end = asked.snapshot.at[asked.rows] % DAY_US / DAY_US, int(asked.options.get("end_day", 0))
        for (row, feature), age in entries.items():
            if feature not in concepts:
                continue
            compared += 1
            concept = concepts[feature]
            last = round(float(moments[row] - age))
            spread = [day for one in below.get(concept, (concept,)) for day in known.get((row, one), ())]
            if last not in spread or last > end:
                found.append(_covariate(FUTURE, asked, row, feature, "no event of that day had happened and was known by then"))
            elif analysis["window"] and last != max(day for day in spread if day <= end):
                found.append(_covariate(OTHER, asked, row, feature, "not the latest event"))
        if analysis["window"]:
            since = _since(asked.options, analysis["window"])
            place_of = {concept: feature for feature, concept in concepts.items()}
            for (row, concept), spread in known.items():
                told = place_of.get(concept)
                counted = [day for day in spread if day <= end and (since is None or day >= since)]
                if told is not None and counted and (row, told) not in entries and not _is_withheld(view, asked, row, told):
                    found.append(_covariate(OTHER, asked, row, told, "an event of the CDM is not told"))
    return found, compared


def _entries(view: View, rows: dict[int, int]) -> dict[tuple[int, int], float]:
    """Give the ages of the covariates that sampled rows have, by the row's place in the sample and the feature's place."""
    if view.kind == "sparse":
        starts, features = np.asarray(view.arrays["starts"]), view.arrays["features"]
        ages, codes = view.arrays["entry_age_days"], view.arrays["codes"]
        return {
            (place, int(features[at])): float(ages[at])
            for row, place in rows.items()
            for at in range(int(starts[row]), int(starts[row + 1]))
            if codes[at] == Reason.OBSERVED
        }
    chosen = np.asarray(list(rows))
    ages = np.broadcast_to(view.arrays["age_days"], view.arrays["values"].shape)[chosen]
    codes = np.broadcast_to(view.arrays["reason"], view.arrays["values"].shape)[chosen]
    at = np.nonzero((codes == Reason.OBSERVED) & ~np.isnan(ages))
    return {(int(row), int(feature)): float(ages[row, feature]) for row, feature in zip(*at, strict=True)}


def _is_withheld(view: View, asked: Asked, place: int, feature: int) -> bool:
    """Say whether silence on a covariate means that somebody does not let it be known."""
    row = int(asked.rows[place])
    if view.kind == "sparse":
        return bool(view.arrays["silence"][row, view.arrays["group_of"][feature]] == Reason.WITHHELD)
    codes = view.arrays["reason"][row]
    return bool(codes[feature if len(codes) > 1 else 0] == Reason.WITHHELD)


def _covariate(check: str, asked: Asked, place: int, feature: int, problem: str) -> Difference:
    return Difference(check, asked.view.name, int(asked.rows[place]), asked.view.names[feature], problem)


def _since(options: dict[str, Any], window: str) -> int | None:
    """Give the first day of a window; None where all of the past counts."""
    long, medium, short = options.get("windows_days", (365, 180, 30))
    return {"any": None, "long": -int(long), "medium": -int(medium), "short": -int(short)}[window]


def _below(asked: Asked, concepts: list[int]) -> dict[int, tuple[int, ...]]:
    """Give what stands below each concept, itself included."""
    below: dict[int, list[int]] = {}
    for concept, one in asked.select("descendants", concepts=concepts).iter_rows():
        below.setdefault(concept, []).append(one)
    return {concept: tuple(held) for concept, held in below.items()}


def _number(name: str) -> tuple[int, bool]:
    """Give the analysis of a covariate, and whether it has a window of its own; -1 of a name that is none's."""
    number, _, window = name.partition("@")
    return (int(number) % _THOUSAND if number.isdecimal() else -1), bool(window)


def _is_of(number: tuple[int, bool], analysis: dict[str, str]) -> bool:
    """Say whether a covariate is of an analysis."""
    return number[1] == bool(analysis["temporal"]) and int(analysis["first"]) <= number[0] <= int(analysis["last"])


@cache
def analyses() -> tuple[dict[str, str], ...]:
    """Give the analyses of concepts: `first` and `last` id, `table` of events, `window` of those that tell starts, whether they are `temporal`."""
    lines = (files(PACKAGE) / "analyses.csv").read_text(encoding="utf-8").splitlines()
    return tuple(csv.DictReader(lines, strict=True))
