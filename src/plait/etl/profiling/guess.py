"""What files and columns may mean: names, shapes of values and keys become guesses at SELECTs, each with its reason."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from plait.etl.profiling.columns import ENOUGH, Column, code_systems
from plait.etl.profiling.profile import snake

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plait.etl.profiling.profile import Profile, RawFile

_LONG_TEXT = 200
"""Letters of a text, on the mean, from which on it is taken for a note."""

_FEW = 0.2
"""Share of the records that a local code's distinct values may be."""

_LOOKED_UP = 0.8
"""Share of a column's codes that a vocabulary must have."""

_START_WORDS = (
    "start",
    "begin",
    "onset",
    "admit",
    "admission",
    "admitted",
    "admittime",
    "intime",
    "from",
    "taken",
    "collect",
    "collected",
    "drawn",
    "charttime",
    "chart",
    "perform",
    "performed",
    "effective",
    "given",
    "administered",
    "starttime",
    "startdate",
    "diagnosed",
    "written",
    "service",
    "visit",
    "encounter",
    "event",
    "ordered",
    "order",
    "dispensed",
    "datetime",
    "date",
    "time",
    "dt",
    "day",
)
"""Words in the name of the time that something happened, the surest first."""

_VISIT_FILE = re.compile(r"encounter|visit|admission|stay|episode|contact|spell")
_PROVIDER_FILE = re.compile(r"provider|physician|doctor|clinician|practitioner|staff|prescriber")
_SITE_FILE = re.compile(r"department|ward|clinic|facilit|organi[sz]ation|hospital|care_?site")


@dataclass(frozen=True, slots=True)
class CodeGuess:
    """Which code system a column's values are of, and why; `expression` makes of the column what the vocabulary has."""

    column: str
    system: str
    vocabularies: tuple[str, ...]
    domain: str
    why: str
    expression: str
    other: CodeGuess | None = None


def roles_of(name: str) -> tuple[str, ...]:
    """Give what a column's name may mean, the likeliest first.

    >>> roles_of("PATIENT_ID"), roles_of("dischtime")
    (('person',), ('end',))
    """
    plain = snake(name)
    return tuple(role for role, pattern in _roles() if pattern.search(plain))


@cache
def _roles() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((row["role"], re.compile(row["pattern"])) for row in _rows("roles"))


@cache
def _domains() -> tuple[tuple[re.Pattern[str], str, str], ...]:
    return tuple((re.compile(row["pattern"]), row["domain"], row["what"]) for row in _rows("domains"))


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("plait.etl.profiling") / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), strict=True))


def domain_of(file: str, *, has_value: bool) -> tuple[str, str]:
    """Give the domain that a file's name hints at, and what its records are then."""
    if has_value:
        return "Measurement", "a measurement"
    return next(((domain, what) for pattern, domain, what in _domains() if pattern.search(snake(file))), ("Observation", "an observation"))


@dataclass(slots=True)
class Meaning:
    """What the files of a profile may mean together.

    Attributes:
        profile: The profile.
        person: The file with the persons, and its column with their identifiers.
        visit: The file with the visits, likewise.
        person_columns: For each file its column that names the person.
        visit_columns: For each file its column that names the visit.
        lookups: Files that complete records of others.
    """

    profile: Profile
    person: tuple[str, str] | None = None
    visit: tuple[str, str] | None = None
    person_columns: dict[str, str] = field(default_factory=dict)
    visit_columns: dict[str, str] = field(default_factory=dict)
    lookups: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.person = self._person()
        for file in self.profile.files:
            column = self._naming(file, self.person, "person")
            if column is not None:
                self.person_columns[file.name] = column
        self.visit = self._visit()
        for file in self.profile.files:
            column = self._naming(file, self.visit, "visit") if self.visit else None
            if column is not None and column != self.person_columns.get(file.name):
                self.visit_columns[file.name] = column

    def file(self, name: str) -> RawFile:
        """Give a file by its name."""
        return next(file for file in self.profile.files if file.name == name)

    def _person(self) -> tuple[str, str] | None:
        """Find the file that has a birth for each person."""
        found = []
        for file in self.profile.files:
            born = [column for column in file.columns.values() if birth_of(column)]
            names = [name for name in file.columns if "person" in roles_of(name) and file.columns[name].filled]
            key = next((name for name in names if file.columns[name].is_unique), None) or file.key or next(iter(names), None)
            if born and key is not None:
                asked = sum(reference.file == file.name for other in self.profile.files for reference in other.references)
                found.append((asked, file.columns[key].is_unique, file.name, key))
        return max(found, key=lambda one: (one[0], one[1]))[2:] if found else None

    def _visit(self) -> tuple[str, str] | None:
        """Find the file whose records are visits: it has a person, a key of its own and a time."""
        found = []
        for file in self.profile.files:
            person = self.person_columns.get(file.name)
            if person is None or (self.person and file.name == self.person[0]) or time_of(file, "start") is None:
                continue
            keys = [columns[0] for columns in file.keys if len(columns) == 1 and columns[0] != person]
            key = next((key for key in keys if "visit" in roles_of(key)), keys[0] if keys and _VISIT_FILE.search(snake(file.name)) else None)
            if key is not None:
                asked = sum(reference.file == file.name for other in self.profile.files for reference in other.references)
                found.append((_VISIT_FILE.search(snake(file.name)) is not None, asked, file.name, key))
        return max(found, key=lambda one: (one[0], one[1]))[2:] if found else None

    def _naming(self, file: RawFile, key: tuple[str, str] | None, role: str) -> str | None:
        """Find the column of a file that names a person or a visit."""
        if key is not None and file.name == key[0]:
            return key[1]
        if key is not None:
            named = next((reference.column for reference in file.references if (reference.file, reference.key) == key), None)
            if named is not None:
                return named
            if snake(key[1]) != "id":
                same = next((name for name in file.columns if snake(name) == snake(key[1])), None)
                if same is not None:
                    return same
        return next(
            (name for name, column in file.columns.items() if role in roles_of(name) and column.kind in {"integer", "text"} and not column.is_unique), None
        )


def birth_of(column: Column) -> bool:
    """Tell whether a column has births: times, or years."""
    roles = roles_of(column.name)
    return ("birth" in roles and column.kind == "time") or ("birth_year" in roles and column.kind in {"year", "integer"})


def time_of(file: RawFile, role: str) -> Column | None:
    """Give the column of a file that says when something began, ended, or became known."""
    times = [column for column in file.columns.values() if column.kind == "time"]
    others = {"birth", "birth_year", "death"}
    if role != "start":
        return next((column for column in times if role in roles_of(column.name) and not others & set(roles_of(column.name))), None)
    sure = [column for column in times if not {"end", "known", *others} & set(roles_of(column.name))]
    late = [column for column in times if "known" in roles_of(column.name)]
    return min(sure, key=_rank, default=None) or min(late, key=_rank, default=None)


def _rank(column: Column) -> int:
    words = snake(column.name).split("_")
    return min((place for place, word in enumerate(_START_WORDS) if word in words or word == snake(column.name)), default=len(_START_WORDS))


def codes_of(column: Column, file: RawFile, *, versioned: str | None = None) -> CodeGuess | None:
    """Give which code system a column's values are of: by look-up where a vocabulary is there, by their shape, and by the column's name."""
    del file
    if column.kind not in {"text", "integer", "decimal", "year"} or not column.sampled:
        return None
    name = snake(column.name)
    guesses: list[tuple[float, CodeGuess]] = []
    for system in code_systems():
        share = column.systems[system.vocabulary_id]
        is_hinted = re.search(system.hint, name) is not None
        found = max((column.found.get(vocabulary, 0.0) for vocabulary in system.vocabularies), default=0.0)
        is_alone = system.alone is not None and column.distinct >= system.alone and not _NO_CODES & set(roles_of(column.name)[:1])
        if share < ENOUGH or not (is_hinted or is_alone or (found >= _LOOKED_UP and column.longest > _LENGTH_OF_NUMBERS)):
            continue
        why = f"{_percent(share)} of {column.sampled:,} distinct values look like {system.title}"
        if found:
            why += f", and the vocabulary has {_percent(found)} of them"
        elif column.found:
            why += ", of which the vocabulary has none"
        rank = 2 * found + (1 if is_hinted else 0) + (0.5 if system.test else 0)
        expression = _EXPRESSIONS.get(system.vocabulary_id, "{}") if column.undotted or system.vocabulary_id == "NDC" else "{}"
        guesses.append((rank, CodeGuess(column.name, system.vocabulary_id, system.vocabularies, system.domain, why, expression)))
    if versioned is not None and (mixed := _mixed(column, versioned, name)):
        return mixed
    return max(guesses, key=lambda one: one[0])[1] if guesses else None


_LENGTH_OF_NUMBERS = 3
"""Letters up to which numbers are in any vocabulary."""

_EXPRESSIONS = {"ICD10CM": "plait_icd10({})", "ICD9CM": "plait_icd9({})", "ICD9Proc": "plait_icd9_procedure({})", "NDC": "coalesce(plait_ndc({0}), {0})"}
"""What makes codes of them as the vocabulary has them."""


def _mixed(column: Column, versioned: str, name: str) -> CodeGuess | None:
    """Give the guess for a column with codes of ICD-9 and of ICD-10, which another column tells apart."""
    if not re.search(r"icd|diag|dx|proc", name):
        return None
    pairs = (("ICD10CM", "ICD9CM"), ("ICD10PCS", "ICD9Proc"))
    shares = [column.systems[ten] + column.systems[nine] for ten, nine in pairs]
    if not column.sampled or max(shares) < ENOUGH or max(column.systems[code] for pair in pairs for code in pair) == 1.0 == column.systems["ICD9CM"]:
        return None
    ten, nine = pairs[shares.index(max(shares))]
    by_id = {system.vocabulary_id: system for system in code_systems()}
    why = f"its values look like {by_id[ten].title} or {by_id[nine].title}, and {versioned} tells which"
    first, other = (CodeGuess(column.name, one, by_id[one].vocabularies, by_id[one].domain, why, _EXPRESSIONS.get(one, "{}")) for one in (ten, nine))
    return CodeGuess(first.column, first.system, first.vocabularies, first.domain, why, first.expression, other)


def _percent(share: float) -> str:
    return "all" if share == 1 else f"{share:.0%}"


def version_of(file: RawFile) -> str | None:
    """Give the column that says 9 or 10, if there is one."""
    return next((name for name, column in file.columns.items() if "version" in roles_of(name) and column.kind == "integer" and column.distinct in {1, 2}), None)


def main_code(file: RawFile, taken: Iterable[str], coded: Iterable[str]) -> Column | None:
    """Give the column that says what a record is: by its name, by its codes, by the dictionary that it names, or as the words for what was done."""
    busy, recognised = set(taken), set(coded)
    dictionary = {reference.column for reference in file.references}
    ranked = []
    for place, column in enumerate(file.columns.values()):
        roles = roles_of(column.name)
        if column.name in busy or column.kind not in {"text", "integer", "decimal"} or not column.distinct or column.mean_length > _LONG_TEXT:
            continue
        if column.name not in recognised and (column.kind == "decimal" or _NO_CODES & set(roles[:1]) or (column.is_unique and "code" not in roles)):
            continue
        few = column.distinct <= max(_LEAST_CODES, _FEW * column.filled)
        rank = 4 * (column.name in recognised) + 3 * ("code" in roles) + 2 * (column.name in dictionary) + ("display" in roles and few)
        rank += 3 * (snake(column.name) in {"code", "concept_code", f"{snake(file.name).removesuffix('s')}_code"}) - 8 * is_aside(column.name)
        if rank > 0:
            ranked.append((-rank, place, column))
    return min(ranked, key=lambda one: one[:2])[2] if ranked else None


_LEAST_CODES = 50
_NO_CODES = frozenset(
    {"person", "visit", "provider", "care_site", "unit", "value", "status", "route", "low", "high", "quantity", "version", "days_supply", "refills"}
)
"""Roles of columns that do not say what a record is."""

_ASIDE = re.compile(r"reason|indication|(^|_)ref|ref($|_|[0-9])|modifier|parent|body_?site|severity|(^|_)type$|reaction|status|department|place")
"""Names of columns whose codes tell something beside what a record is."""


def is_aside(name: str) -> bool:
    """Tell whether a column's name says that its codes tell something beside what a record is.

    >>> is_aside("REASONCODE"), is_aside("CODE")
    (True, False)
    """
    return _ASIDE.search(snake(name)) is not None


def system_of(file: RawFile) -> Column | None:
    """Give the column that names the code system of each record, if there is one."""
    return next(
        (
            column
            for column in file.columns.values()
            if "version" in roles_of(column.name) and column.kind == "text" and column.distinct <= _MOST_SYSTEMS and column.filled >= ENOUGH * column.records
        ),
        None,
    )


_MOST_SYSTEMS = 12


def body_of(file: RawFile) -> Column | None:
    """Give the column that holds texts."""
    texts = [column for column in file.columns.values() if column.kind == "text" and column.mean_length >= _LONG_TEXT]
    return next((column for column in texts if "body" in roles_of(column.name)), texts[0] if texts else None)


def is_provider_file(file: RawFile) -> bool:
    """Tell whether a file lists those who give care."""
    return file.key is not None and ("provider" in roles_of(file.key) or _PROVIDER_FILE.search(snake(file.name)) is not None)


def is_site_file(file: RawFile) -> bool:
    """Tell whether a file lists places of care."""
    return file.key is not None and (_SITE_FILE.search(snake(file.name)) is not None or "care_site" in roles_of(file.key))
