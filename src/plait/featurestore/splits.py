"""Frozen splits: which persons a model learns from and which it is judged by.

A person is never in two parts. Where nothing else is asked for, a person's part follows from `person_id` and the seed alone, so that patients
who come later move nobody: `person_id` is given once and never used again (DESIGN, "Identity"), and tells nothing of who it is.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from plait.errors import CohortError, ConfigError, in_words
from plait.featurestore.chance import key_of, uniform
from plait.featurestore.index import iso_times, microseconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from plait.featurestore.index import Index
    from plait.featurestore.table import FusionTable

    Ints = npt.NDArray[np.int64]

TableT = TypeVar("TableT", bound="FusionTable")

TRAIN, VALID, TEST = "train", "valid", "test"
PARTS = (TRAIN, VALID, TEST)
"""Names of the parts, in the order in which they are given."""

SITES = ("care_site_id", "site", "source")
"""Columns of an index that say where a row is from, the first one there counts."""

_FORMAT = 1
_MOST_CLASSES = 10
"""Numbers with more values than this are not classes: they are cut at their quartiles."""


@dataclass(frozen=True, eq=False)
class Split:
    """Which persons are in which part, and by what rule.

    Attributes:
        rule: How it was made: `kind` (`person`, `strata`, `site`, `time`) with its numbers; `forgotten` persons went since, where some did.
        parts: Persons of each part, ascending.
    """

    rule: Mapping[str, Any]
    parts: Mapping[str, Ints]

    def __post_init__(self) -> None:
        names = [name for name in PARTS if name in self.parts]
        for place, name in enumerate(names):
            if not len(self.parts[name]) and not self.rule.get("forgotten"):
                raise CohortError(f"split, part '{name}'", expected="somebody in it", got="nobody", todo="Ask for a larger part, or give more rows.")
            for other in names[place + 1 :]:
                shared = len(np.intersect1d(self.parts[name], self.parts[other]))
                if shared:
                    raise CohortError(
                        f"split, parts '{name}' and '{other}'", expected="no person in both", got=f"{shared} who are", todo="Make the split anew."
                    )

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the rule and the persons: what a model was made and judged with."""
        return hashlib.sha256(json.dumps(self._content(), sort_keys=True).encode()).hexdigest()

    def save(self, file: str | Path) -> None:
        """Write the split, readable by its owner only: it names persons by their ids."""
        path = Path(file)
        path.touch(mode=0o600)
        path.write_text(json.dumps({"format": _FORMAT, **self._content(), "sha256": self.digest}, sort_keys=True), encoding="utf-8")

    @classmethod
    def read(cls, file: str | Path) -> Self:
        """Read a split that was saved.

        Raises:
            CohortError: It is no split, was changed since, or has a person in two parts.
        """
        try:
            content = json.loads(Path(file).read_text(encoding="utf-8"))
            split = cls(content["rule"], {name: np.asarray(content["parts"][name], np.int64) for name in content["parts"]})
            said = content["sha256"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CohortError(file, expected="a split that was saved", got=in_words(error), todo="Name the file that Split.save wrote.") from None
        if split.digest != said:
            raise CohortError(file, expected="the split that was saved", got="one that was changed since", todo="Restore it from a copy.")
        return split

    def rows(self, index: Index, part: str) -> Ints:
        """Give the places of a part's rows, ascending. A split by time leaves out rows that lie before their person's part begins.

        Raises:
            CohortError: A row is of a person whom the split does not know.
        """
        everyone = np.concatenate(list(self.parts.values()))
        unknown = np.count_nonzero(~np.isin(index.person_id, everyone))
        if unknown:
            raise CohortError(
                "split", expected="rows of persons whom it knows", got=f"{unknown} rows of others", todo="Add them: split.extended(table.index); nobody moves."
            )
        chosen = np.isin(index.person_id, self.parts[part])
        if self.rule["kind"] == "time":
            names = [name for name in PARTS if name in self.parts]
            chosen &= np.searchsorted(self.rule["cuts_us"], index.at, side="right") == names.index(part)
        return np.flatnonzero(chosen)

    def extended(self, index: Index) -> Self:
        """Give the split with the persons of an index who are new to it; nobody who is in it moves.

        A new person's part follows from the rule; where it was to keep strata, chance alone decides, and where sites, that of the site if it is known.
        """
        everyone = np.concatenate(list(self.parts.values()))
        new = ~np.isin(index.person_id, everyone)
        if not new.any():
            return self
        fresh = index.take(np.flatnonzero(new))
        if self.rule["kind"] == "time":
            added = _by_time(fresh, self.rule["cuts_us"])
        elif self.rule["kind"] == "site":
            added = _of_known_sites(fresh, self.rule)
        else:
            added = _by_person(np.unique(fresh.person_id), self.rule)
        return replace(self, parts={name: np.union1d(persons, added.get(name, np.empty(0, np.int64))) for name, persons in self.parts.items()})

    def _content(self) -> dict[str, Any]:
        return {"rule": dict(self.rule), "parts": {name: persons.tolist() for name, persons in self.parts.items()}}


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a split.

    Attributes:
        name: `train`, `valid` or `test`.
        split: The split.
    """

    name: str
    split: Split


def split_table(table: TableT, by: str | Split = "patient", **rule: Any) -> tuple[TableT, ...]:  # noqa: ANN401 - see make_split
    """Give the parts of a table: train, valid (where there is one), test.

    Args:
        table: The table.
        by: `patient`, for a new split by the rule; or a split that was made before.
        rule: See `make_split`.
    """
    if isinstance(by, Split):
        split = by
    elif by == "patient":
        split = make_split(table.index, **rule)
    else:
        raise ConfigError("split", expected="'patient' or a split that was made before", got=f"'{by}'", todo="Persons are always whole: leave it out.")
    names = [name for name in PARTS if name in split.parts]
    return tuple(replace(table.take(split.rows(table.index, name)), part=Part(name, split)) for name in names)


def make_split(
    index: Index,
    *,
    test: float = 0.2,
    valid: float = 0.0,
    by_site: bool | str = False,
    by_time: Any = None,  # noqa: ANN401 - a time or several, as Polars reads them
    stratify: str | None = None,
    seed: int = 0,
) -> Split:
    """Give a split of the persons of an index.

    Args:
        index: The rows.
        test: Share of persons in the test part, about: chance decides of each, unless strata are kept.
        valid: Share of persons in the validation part, none if 0.
        by_site: Keep sites whole, too: the column that says where a row is from, or True for the first of `SITES`. Persons of two sites join them.
        by_time: One moment or two: who has rows from the last one on is in the test part, with these rows alone, and so on backwards.
        stratify: A column of classes or numbers (cut at quartiles) whose shares are kept in each part; of a person with several rows the greatest counts.
        seed: Another seed gives another split.

    Raises:
        ConfigError: Shares that leave nobody to learn from, or rules that exclude each other.
        CohortError: A part has nobody in it, or a column is missing or has nulls.
    """
    if test <= 0 or valid < 0 or test + valid >= 1:
        raise ConfigError("split", expected="0 < test, 0 <= valid, test + valid < 1", got=f"test={test}, valid={valid}", todo="Leave persons to learn from.")
    if sum([bool(by_site), by_time is not None, stratify is not None]) > 1:
        raise ConfigError("split", expected="one of by_site, by_time, stratify", got="several", todo="Choose one.")
    rule: dict[str, Any] = {"kind": "person", "test": test, "valid": valid, "seed": seed}
    if by_time is not None:
        cuts = _cuts(by_time)
        return Split({"kind": "time", "cuts_us": cuts}, _by_time(index, cuts))
    if by_site:
        return _by_site(index, by_site, rule)
    persons = np.unique(index.person_id)
    if stratify is not None:
        strata = _strata(index, stratify)
        return Split({**rule, "kind": "strata", "stratify": stratify}, _by_rank(persons, strata, rule))
    return Split(rule, _by_person(persons, rule))


def _named(places: npt.NDArray[np.intp], persons: Ints, *, has_valid: bool) -> dict[str, Ints]:
    """Give the persons of each part, from the place of each person's part in `PARTS`."""
    names = PARTS if has_valid else (TRAIN, TEST)
    return {name: persons[places == PARTS.index(name)] for name in names}


def _by_share(chance: npt.NDArray[np.float64], persons: Ints, rule: Mapping[str, Any]) -> dict[str, Ints]:
    """Give the parts of persons from numbers between 0 and 1: the least are for the test, the next for validation."""
    places = np.where(chance < rule["test"], 2, np.where(chance < rule["test"] + rule["valid"], 1, 0))
    return _named(places, persons, has_valid=rule["valid"] > 0)


def _by_person(persons: Ints, rule: Mapping[str, Any]) -> dict[str, Ints]:
    return _by_share(uniform(rule["seed"], persons), persons, rule)


def _by_rank(persons: Ints, strata: Ints, rule: Mapping[str, Any]) -> dict[str, Ints]:
    """Give parts with the same shares of each stratum, by each person's rank within it."""
    order = np.lexsort((uniform(rule["seed"], persons), strata))
    sizes = np.bincount(strata)
    rank = np.empty(len(persons))
    rank[order] = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes if size])
    return _by_share(rank, persons, rule)


def _strata(index: Index, column: str) -> Ints:
    """Give the stratum of each person, in the order of `person_id`."""
    import polars as pl

    labels = _column(index, column)
    if labels.dtype.is_numeric() and labels.n_unique() > _MOST_CLASSES:
        quartiles = np.quantile(labels.to_numpy(), [0.25, 0.5, 0.75])
        labels = pl.Series(np.searchsorted(quartiles, labels.to_numpy(), side="left"))
    ranked = labels.rank("dense").cast(pl.Int64) - 1
    return pl.DataFrame({"person": index.person_id, "stratum": ranked}).group_by("person").agg(pl.col("stratum").max()).sort("person")["stratum"].to_numpy()


def _column(index: Index, column: str) -> Any:  # noqa: ANN401 - a Polars series
    """Give a column of the index that says something of every row."""
    if column not in index.frame.columns:
        raise CohortError("index rows", expected=f"a column '{column}'", got="none of this name", todo=f"There are: {', '.join(index.frame.columns)}.")
    series = index.frame[column]
    nulls = series.null_count() + (int(series.is_nan().sum()) if series.dtype.is_float() else 0)
    if nulls:
        raise CohortError(f"index rows, column '{column}'", expected="a value in every row", got=f"{nulls} without", todo="Leave these rows out.")
    return series


def _by_site(index: Index, by_site: bool | str, rule: dict[str, Any]) -> Split:  # noqa: FBT001 - as make_split has it
    """Give a split that keeps sites whole: sites in an order by chance fill the test part, then the validation part."""
    import polars as pl

    column = by_site if isinstance(by_site, str) else next((name for name in SITES if name in index.frame.columns), SITES[0])
    sites = _column(index, column).cast(pl.String).to_numpy()
    names, site = np.unique(sites.astype(str), return_inverse=True)
    persons, person = np.unique(index.person_id, return_inverse=True)
    group = np.arange(len(names))
    while True:  # sites that share a person are one group: the least of their numbers spreads until nothing changes
        least = np.full(len(persons), len(names))
        np.minimum.at(least, person, group[site])
        joined = group.copy()
        np.minimum.at(joined, site, least[person])
        if np.array_equal(joined, group):
            break
        group = joined
    of_person = np.zeros(len(persons), np.int64)
    of_person[person] = group[site]
    members = np.bincount(of_person, minlength=len(names))
    groups = np.unique(group)
    groups = groups[np.argsort(uniform(rule["seed"], np.asarray([key_of(str(names[one])) >> 1 for one in groups])), kind="stable")]
    place, filled, wanted = np.zeros(len(names), np.intp), 0, {2: rule["test"], 1: rule["valid"]}
    for part, share in wanted.items():
        taken = 0
        while share > 0 and filled < len(groups) and taken < share * len(persons):
            place[groups[filled]] = part
            taken += int(members[groups[filled]])
            filled += 1
    parts = _named(place[of_person], persons, has_valid=rule["valid"] > 0)
    by_part = {name: sorted(str(one) for one, at in zip(names, group, strict=True) if place[at] == PARTS.index(name)) for name in parts}
    return Split({**rule, "kind": "site", "column": column, "sites": by_part}, parts)


def _of_known_sites(index: Index, rule: Mapping[str, Any]) -> dict[str, Ints]:
    """Give the parts of new persons: that of their first row's site, or by chance over sites where it is new."""
    import polars as pl

    part_of = {site: PARTS.index(part) for part, sites in rule["sites"].items() for site in sites}
    persons, first = np.unique(index.person_id, return_index=True)
    sites = [str(site) for site in _column(index, rule["column"]).cast(pl.String).to_list()]
    chance = uniform(rule["seed"], np.asarray([key_of(sites[row]) >> 1 for row in first]))
    by_chance = np.where(chance < rule["test"], 2, np.where(chance < rule["test"] + rule["valid"], 1, 0))
    places = np.asarray([part_of.get(sites[row], int(drawn)) for row, drawn in zip(first, by_chance, strict=True)], np.intp)
    return _named(places, persons, has_valid=rule["valid"] > 0)


def _cuts(by_time: Any) -> list[int]:  # noqa: ANN401 - a time or several, as Polars reads them
    """Give moments as microseconds since 1970; of a date without a time its beginning."""
    import polars as pl

    given: Sequence[Any] = by_time if isinstance(by_time, list | tuple) else [by_time]
    wrong = ConfigError("split, by_time", expected="dates or times", got="something else", todo="For example by_time='2020-01-01'.")
    try:
        series = pl.Series("by_time", given)
        times = series.str.to_datetime(time_unit="us") if series.dtype == pl.String else series.cast(pl.Datetime("us"))
    except pl.exceptions.PolarsError:
        raise wrong from None
    if series.dtype == pl.String and iso_times(series).null_count():  # of 01/02/2020 nobody knows the month
        raise wrong
    cuts = microseconds(times).tolist()
    if len(cuts) not in {1, 2} or any(later <= earlier for earlier, later in pairwise(cuts)):
        raise ConfigError("split, by_time", expected="one moment, or two that ascend", got=f"{len(cuts)}", todo="Give where validation and test begin.")
    return list(cuts)


def _by_time(index: Index, cuts: list[int]) -> dict[str, Ints]:
    """Give the part of each person: that of the last row."""
    import polars as pl

    span = np.searchsorted(cuts, index.at, side="right")
    last = pl.DataFrame({"person": index.person_id, "span": span}).group_by("person").agg(pl.col("span").max()).sort("person")
    names = (TRAIN, TEST) if len(cuts) == 1 else PARTS
    return {name: last.filter(pl.col("span") == place)["person"].to_numpy() for place, name in enumerate(names)}
