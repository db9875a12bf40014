"""The analyses that can be asked for, as data, and the windows that they look through."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from plait.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGE = "plait.featurestore.covariates"

DEFAULT, ALL, TEMPORAL, ALL_TEMPORAL = "default", "all", "temporal", "all_temporal"
"""Names of sets of analyses: FeatureExtraction's default settings (29), all its analyses (118), its default temporal ones, all of those."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """An analysis of FeatureExtraction: what it counts, in which table, and in which window.

    Attributes:
        analysis_id: Its number there: the last three digits of its covariates' ids.
        analysis_name: Its name there, unique among all.
        temporal: Whether it has a value for each of `Windows.temporal`, and not one for a window of its own.
        kind: What is done with the rows: `concept`, `group`, `inpatient`, `distinct`, `count`,
            `count_by_concept`, `value`, `range`, `value_concept`, `score`, or one of the kinds of a person.
        domain_id: The domain whose events it counts; it is what coverage is declared by.
        table_name: The table of the CDM that it reads; empty for what is told of a person.
        moment: `start`: events that start in the window; `overlap`: those that last into it.
        window: `any`, `long`, `medium`, `short`, `end` (the last day alone) or `time`; empty for a person.
        feature: What silence may mean: `indicator`, `count`, `score` (a count), `value`, or `person`.
        is_binary: Whether its covariates are there or not, with no other value than 1.
        missing_means_zero: Whether FeatureExtraction says that no row is a 0; None where it says nothing.
        is_default: Whether it belongs to FeatureExtraction's default settings.
        score: The score's name in scores.csv.
        label: How the names of its covariates begin, where no concept or table gives them one.
        future: Whether it tells of what comes after the index date.
    """

    analysis_id: int
    analysis_name: str
    temporal: bool
    kind: str
    domain_id: str
    table_name: str
    moment: str
    window: str
    feature: str
    is_binary: bool
    missing_means_zero: bool | None
    is_default: bool
    score: str
    label: str
    future: bool


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows in days from the index date, which is day 0; both ends belong to a window.

    Attributes:
        long_start: First day of the long window; FeatureExtraction's `longTermStartDays`.
        medium_start: First day of the medium window.
        short_start: First day of the short window.
        end: Last day of all three, and of `any`, which has no first day.
        temporal: First and last days of the windows of temporal analyses; their place, from 1, is the `time_id`.
    """

    long_start: int = -365
    medium_start: int = -180
    short_start: int = -30
    end: int = 0
    temporal: tuple[tuple[int, int], ...] = field(default=())

    def __post_init__(self) -> None:
        spans = {name: (getattr(self, f"{name}_start"), self.end) for name in ("long", "medium", "short")}
        spans |= {f"temporal {number}": span for number, span in enumerate(self.temporal, start=1)}
        for name, (start, end) in spans.items():
            if start > end:
                raise ConfigError(
                    f"windows, {name}", expected=f"a first day of at most {end}", got=str(start), todo="Days before the index date are negative: -365."
                )

    @property
    def last_day(self) -> int:
        """The last day of all windows."""
        return max([self.end, *(end for _, end in self.temporal)])

    def of(self, analysis: Analysis) -> list[tuple[int | None, int | None, int | None]]:
        """Give the windows of an analysis as (time_id, first day, last day); a first day of None is the beginning."""
        match analysis.window:
            case "time":
                return [(number, start, end) for number, (start, end) in enumerate(self.temporal, start=1)]
            case "any":
                return [(None, None, self.end)]
            case "end":
                return [(None, self.end, self.end)]
            case "":
                return [(None, None, None)]
            case name:
                return [(None, getattr(self, f"{name}_start"), self.end)]


def read_analyses(names: Sequence[str] | None = None) -> tuple[Analysis, ...]:
    """Give the analyses that are named, in the order of the data.

    Args:
        names: Names of analyses (`"ConditionGroupEraLongTerm"`) and of sets of them: `"default"`,
            `"all"`, `"temporal"` and `"all_temporal"`; the default set if None.

    Raises:
        ConfigError: A name that no analysis has; the message names the nearest.
    """
    wanted = [DEFAULT] if names is None else list(names)
    known = {analysis.analysis_name for analysis in _analyses()}
    for name in wanted:
        if name not in known | {DEFAULT, ALL, TEMPORAL, ALL_TEMPORAL}:
            from difflib import get_close_matches

            near = get_close_matches(name, known, n=1, cutoff=0)[0]
            raise ConfigError(
                "analyses", expected="names of analyses or 'default', 'all', 'temporal', 'all_temporal'", got=f"{name!r}", todo=f"The nearest is {near!r}."
            )
    return tuple(analysis for analysis in _analyses() if not _sets(analysis).isdisjoint(wanted))


def _sets(analysis: Analysis) -> set[str]:
    """Give the analysis's name and those of the sets that it belongs to."""
    sets = {analysis.analysis_name, ALL_TEMPORAL if analysis.temporal else ALL}
    if analysis.is_default:
        sets.add(TEMPORAL if analysis.temporal else DEFAULT)
    return sets


@cache
def _analyses() -> tuple[Analysis, ...]:
    """Give all rows of analyses.csv."""
    with (files(PACKAGE) / "analyses.csv").open(encoding="utf-8") as handle:
        return tuple(_analysis(row) for row in csv.DictReader(handle))


def _analysis(row: dict[str, str]) -> Analysis:
    """Give a row as an analysis."""
    texts = ("analysis_name", "kind", "domain_id", "table_name", "moment", "window", "feature", "score", "label")
    flags = ("temporal", "is_binary", "is_default", "future")
    cells: dict[str, Any] = {name: row[name] for name in texts} | {name: row[name] == "yes" for name in flags}
    zero = {"yes": True, "no": False}.get(row["missing_means_zero"])
    return Analysis(analysis_id=int(row["analysis_id"]), missing_means_zero=zero, **cells)
