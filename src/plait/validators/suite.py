"""Checks as data: what is checked stands in `checks/*.csv`, a row a check, and what a type of check means in `checks/types.yaml`."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field, replace
from fnmatch import translate
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import yaml

from plait.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from plait.settings import CheckRule, ValidationSettings

Severity = Literal["error", "warning", "info"]
Level = Literal["TABLE", "FIELD", "CONCEPT"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""The worst first."""

SUITES = ("dqd", "plait", "sources", "embeddings", "snapshots", "expectations")
"""Where checks come from: OHDSI's DataQualityDashboard, what plait checks of a CDM beyond it, what sources ask of their files, what is checked of embedding
tables and of snapshots, and suites of users."""

_OF_USERS = "expectations."
"""How names begin of checks that users add; they are not there where they are not run."""

_OF_THE_CDM = frozenset({"dqd", "plait"})
"""Suites of checks of the CDM; `cdm` names both."""

_VARYING = frozenset("*?[")
"""Signs of a pattern that stand for others."""

CDM_VERSIONS = ("5.3", "5.4")
"""Versions of the CDM that there are checks for."""


_COLUMNS = ("check", "table", "field", "concept_id", "argument", "threshold", "note")
"""Columns of the files of checks."""


class Join(NamedTuple):
    """What is joined to a row t: rows of `table` whose `key` equals t's `field`."""

    field: str
    table: str
    key: str


@dataclass(frozen=True, slots=True)
class NamedJoin:
    """A table that an expression may name.

    Attributes:
        join: How its rows are found.
        reads: The columns of the table that each column given to expressions is made of.
        expressions: How, where it is not the column of that name.
        is_grouped: Whether the rows of one key are made one.
    """

    join: Join
    reads: dict[str, tuple[str, ...]]
    expressions: dict[str, str]
    is_grouped: bool


@dataclass(frozen=True, slots=True)
class CheckType:
    """What a type of check means; `checks/types.yaml` says what each entry is."""

    name: str
    level: Level
    severity: Severity
    kahn: tuple[str | None, str | None, str | None]
    about: str
    scan: str | None = None
    violated: str | None = None
    counted: str | None = None
    total_violated: str | None = None
    total_counted: str | None = None
    rows: str | None = None
    query: str | None = None
    joined: str | None = None
    clears: str | None = None
    ordered: Literal["least", "greatest"] | None = None
    only: str | None = None
    needs: str | None = None
    points_at: str | None = None
    from_field: str | None = None
    with_argument: dict[str, str] = field(default_factory=dict)
    with_person: dict[str, str] = field(default_factory=dict)
    gates: bool = False
    by_chance: bool = False


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        type: What it means.
        suite: Where it comes from, one of `SUITES`.
        table: The table that it is about.
        field: The field that it is about; empty for a check of a table.
        concept_id: The concepts that it is about, with blanks between; empty for other checks.
        argument: What else its type's expression needs.
        threshold: The percentage of violations above which it fails; any violation does where it is None or 0.
        note: What the concepts are, or why the check is there.
        severity: What a failure means: `error` fails a validation.
    """

    type: CheckType
    suite: str
    table: str
    field: str
    concept_id: str
    argument: str
    threshold: float | None
    note: str
    severity: Severity

    @property
    def scan(self) -> str:
        """The table whose rows are read."""
        return self.type.scan or self.table

    @property
    def asks_for_key(self) -> bool:
        """Whether it counts the rows whose key is another row's, too."""
        return self.type.query == "duplicates"

    @cached_property
    def id(self) -> str:
        """The check's name, `isForeignKey.death.person_id`."""
        return ".".join(filter(None, (self.type.name, self.table, self.field, self.concept_id.replace(" ", "-"))))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What it can be chosen by, in small letters: its name, also DataQualityDashboard's, its type, its table, its suite, and `cdm` if it is of the CDM."""
        own = (self.id.lower(), self.type.name.lower(), self.table.lower(), self.suite, dqd_id(self))
        return (*own, "cdm") if self.suite in _OF_THE_CDM else own

    @property
    def about(self) -> str:
        """What is counted, in words."""
        return self.type.about.format(table=self.table, field=self.field, argument=self.argument, note=self.note, concept=self.concept_id)


def checks_of(version: str) -> tuple[Check, ...]:
    """Give the checks for a CDM of a version.

    Raises:
        ConfigError: No such version.
    """
    if version not in CDM_VERSIONS:
        raise ConfigError("CDM version", expected=" or ".join(CDM_VERSIONS), got=repr(version), todo="Name a version that there are checks for.")
    checks = _read(f"omop_{version.replace('.', '_')}", "dqd")
    known = {check.id for check in checks}
    return checks + tuple(check for check in _read("plait", "plait") if check.id not in known)


def checks_about(suite: str, table: str) -> tuple[Check, ...]:
    """Give the checks of a suite that are the same for each of its tables, `checks/SUITE.csv`, for one of them (`embeddings.notes`)."""
    return tuple(replace(check, table=table) for check in _read(suite, suite))


def settled(check: Check, settings: ValidationSettings) -> Check | None:
    """Give a check as a study's settings change it, None where they leave it out; whether they fit other checks is not asked."""
    for rule in settings.rules:
        if _fits(check, rule.checks.lower()):
            check = _with(check, rule)
    return None if any(_fits(check, pattern.lower()) for pattern in settings.skip) else check


def adjusted(checks: Sequence[Check], settings: ValidationSettings) -> tuple[Check, ...]:
    """Give the checks as a study's settings change them.

    Raises:
        ConfigError: A rule of the settings is of no check.
    """
    by_id = {check.id: check for check in checks}
    for rule in settings.rules:
        chosen = select(tuple(by_id.values()), [rule.checks], where="plait.yaml, validation.rules", absent=_OF_USERS)
        by_id |= {check.id: _with(check, rule) for check in chosen}
    for pattern in settings.skip:
        for check in select(tuple(by_id.values()), [pattern], where="plait.yaml, validation.skip", absent=_OF_USERS):
            del by_id[check.id]
    return tuple(by_id.values())


def select(checks: Sequence[Check], patterns: Iterable[str], *, where: str, absent: str | None = None) -> list[Check]:
    """Give the checks whose id, type, table or suite is like one of the patterns, in their order; `*` stands for anything, and `cdm` is all of the CDM.

    Args:
        checks: The checks.
        patterns: The patterns.
        where: Where they stand.
        absent: How patterns begin that may fit none.

    Raises:
        ConfigError: A pattern fits no check, and no type of check or suite either: of these there may be none yet.
    """
    found: set[str] = set()
    for pattern in patterns:
        fitting = {check.id for check in checks if _fits(check, pattern.lower())}
        may_be_none = absent is not None and pattern.lower().startswith(absent)
        if not fitting and not may_be_none and not any(_like(pattern.lower())(name.lower()) for name in (*types(), *SUITES)):
            raise ConfigError(
                where,
                expected="a check, a type of check or a table, with * for what varies",
                got=f"'{pattern}', which fits none",
                todo="`plait validate --list` shows all.",
            )
        found |= fitting
    return [check for check in checks if check.id in found]


@cache
def types() -> dict[str, CheckType]:
    """Give what each type of check means."""
    return {name: _type(name, entry) for name, entry in _definitions()["types"].items()}


@cache
def joins() -> dict[str, NamedJoin]:
    """Give the tables that expressions may name, by that name."""
    return {
        name: NamedJoin(
            Join(entry["field"], entry.get("table", name), entry["key"]),
            {entry["key"]: (entry["key"],)} | {name: tuple(columns) for name, columns in entry["columns"].items()},
            entry.get("expressions", {}),
            entry.get("grouped", False),
        )
        for name, entry in _definitions()["joins"].items()
    }


@cache
def named(join: Join) -> str | None:
    """Give the name that expressions have for a join, None where they have none."""
    return next((name for name, entry in joins().items() if entry.join == join), None)


@cache
def _definitions() -> dict[str, Any]:
    text = (files("plait.validators.checks") / "types.yaml").read_text(encoding="utf-8")
    definitions: dict[str, Any] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - the safe loader, in C where there is one
    return definitions


def _type(name: str, entry: dict[str, Any]) -> CheckType:
    renamed = {"from_field" if key == "from" else key: value for key, value in entry.items()}
    context, category, subcategory = renamed.pop("kahn")
    return CheckType(name, kahn=(context, category, subcategory), **renamed)


@cache
def _read(name: str, suite: str) -> tuple[Check, ...]:
    lines = (files("plait.validators.checks") / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    kinds, rows = types(), csv.reader(lines, strict=True)
    if tuple(next(rows)) != _COLUMNS:
        raise AssertionError(f"{name}.csv has other columns than {', '.join(_COLUMNS)}")
    return tuple(
        Check(kinds[kind], suite, table, column, concept, argument, float(threshold) if threshold else None, note, kinds[kind].severity)
        for kind, table, column, concept, argument, threshold, note in rows
    )


def _with(check: Check, rule: CheckRule) -> Check:
    """Give a check with what a rule says of it."""
    threshold = check.threshold if rule.threshold is None else rule.threshold
    return replace(check, threshold=threshold, severity=rule.severity or check.severity)


def _fits(check: Check, pattern: str) -> bool:
    if not _VARYING & set(pattern):
        return pattern == check.suite or (pattern == "cdm" and check.suite in _OF_THE_CDM) or pattern in check.names
    return any(map(_like(pattern), check.names))


@cache
def _like(pattern: str) -> Callable[[str], object]:
    return re.compile(translate(pattern)).match


def dqd_id(check: Check) -> str:
    """Give the name that DataQualityDashboard gives the check (`field_isforeignkey_death_person_id`)."""
    parts = (check.type.level, check.type.name, check.table, check.field, check.concept_id.replace(" ", ","))
    return "_".join(part for part in parts if part).lower()
