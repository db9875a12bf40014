"""CDMs of persons whom chance made: each has a row in every table, ids of any size, and in every text either a word of all or one of its own."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plait.export.deidentify.tables import treatments
from plait.schema import cdm_tables
from tiny_omop import CDM, LOWEST

if TYPE_CHECKING:
    import random

OF_ALL = {"cohort_definition", "cdm_source"}
"""Tables that tell of no person."""

CODED = {"cost_domain_id", "term_exists", "term_temporal", "measurement_time", "zip", "state"}
"""Texts that must be of a kind, or are generalised."""

SHORTEST = 9
"""Signs of a secret at least: what is shorter is a code."""

LONGEST = 1000

_NAMES = ("Anneliese", "Bartholomew", "Chrysanthi", "Dagfinnur", "Euphrosyne", "Fionnghuala", "Giambattista", "Hrafnhildur")
_TABLES = {name: list(csv.DictReader(io.StringIO(text))) for name, text in CDM.items()}


@dataclass
class RandomCdm:
    """A CDM of chance.

    Attributes:
        tables: The CSV text of each table.
        secrets: Texts that only one person's rows have: names, numbers, UIDs.
        shared: Texts that everybody's rows have.
        ids: Ids of persons and of rows.
    """

    tables: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    ids: set[int] = field(default_factory=set)


def random_cdm(chance: random.Random, persons: int) -> RandomCdm:
    """Give a CDM of this many persons, each a copy of the small CDM's rows with ids, dates and texts of the person's own.

    Args:
        chance: Decides ids, dates, and which texts are everybody's.
        persons: Number of persons.
    """
    made = RandomCdm()
    rows: dict[str, list[dict[str, str]]] = {name: [] for name in _TABLES}
    common = _words_of_all(chance, made)
    for _ in range(persons):
        own = _Own(chance, made, common)
        for name, templates in _TABLES.items():
            if name not in OF_ALL:
                rows[name] += [own.row(name, template) for template in (templates[:1] if name in {"person", "observation_period"} else templates)]
    for name in OF_ALL:
        rows[name] = [dict(row) for row in _TABLES[name]]
    rows["cohort_definition"][0]["cohort_definition_id"] = "1"
    for name, found in rows.items():
        stream = io.StringIO()
        writer = csv.DictWriter(stream, list(dict.fromkeys(column for row in found for column in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
        made.tables[name] = stream.getvalue()
    return made


def _words_of_all(chance: random.Random, made: RandomCdm) -> dict[tuple[str, str], str]:
    """Choose the fields that hold the same for everybody, and what they hold."""
    found = {}
    for name, fields in treatments().items():
        for treated in fields:
            if name in _TABLES.keys() - OF_ALL and treated.action == "common" and chance.random() < 0.3:
                found[name, treated.field] = f"code {name} {treated.field}"[: _length(name, treated.field)]
    made.shared = set(found.values())
    return found


def _length(table: str, column: str) -> int | None:
    """Give how many signs a `varchar(50)` has room for; None where there is no limit."""
    kind = next(one.type for one in cdm_tables()[table].fields if one.name == column)
    told = kind.partition("(")[2].rstrip(")")
    return int(told) if told.isdigit() else None


class _Own:
    """What is one person's own."""

    def __init__(self, chance: random.Random, made: RandomCdm, common: dict[tuple[str, str], str]) -> None:
        self.chance, self.made, self.common = chance, made, common
        self.days = dt.timedelta(days=chance.randint(-4000, 300))
        self.ids: dict[str, str] = {"0": "0", "": ""}

    def row(self, table: str, template: dict[str, str]) -> dict[str, str]:
        """Give a row for the person, made after one of the small CDM."""
        spec = cdm_tables()[table]
        found = {}
        for one in spec.fields:
            given = template.get(one.name, "")
            if one.name == "cohort_definition_id":
                found[one.name] = "1"
            elif one.base_type == "integer" and one.name.endswith(("_id", "_id_1", "_id_2")) and "concept_id" not in one.name:
                found[one.name] = self._id(given)
            elif one.base_type in {"date", "datetime"}:
                found[one.name] = str(dt.datetime.fromisoformat(given) + self.days)[: len(given)] if given else ""
            elif one.base_type == "varchar" and one.name not in CODED and (_length(table, one.name) or LONGEST) >= SHORTEST:
                found[one.name] = self.common.get((table, one.name)) or self._secret(_length(table, one.name))
            else:
                found[one.name] = given
        return found

    def _id(self, given: str) -> str:
        if given in {str(LOWEST), "12"}:
            given = "the person"
        if given not in self.ids:
            number = self.chance.choice((1, -1)) * self.chance.randint(10**6, 2**62)
            self.ids[given] = str(number)
            self.made.ids.add(number)
        return self.ids[given]

    def _secret(self, length: int | None) -> str:
        """Give a name, a number, an address or a UID that nobody else has, of at most this many signs."""
        number = self.chance.randint(10**8, 10**9 - 1)
        kinds = (
            f"{self.chance.choice(_NAMES)} {self.chance.choice(_NAMES)}-{number}",
            f"MRN {number}",
            f"{number}",
            f"2.25.{number}{number}",
            f"{number % 999} {self.chance.choice(_NAMES)} Street, {number}",
        )
        secret = next(kind for kind in (*self.chance.sample(kinds, len(kinds)), f"{number}") if length is None or len(kind) <= length)
        self.made.secrets.add(secret)
        return secret
