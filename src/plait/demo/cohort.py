"""Who the patients are: one latent severity each, and what follows from it for stage and survival."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from plait.demo.tables import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

STUDY_END = date(2024, 12, 31)
"""The day on which everybody who lives is censored."""

_FIRST_F = (
    "Ada",
    "Brina",
    "Celia",
    "Delphine",
    "Elodie",
    "Fenna",
    "Greta",
    "Hanneke",
    "Isaura",
    "Juna",
    "Kaia",
    "Liesel",
    "Mirel",
    "Nadja",
    "Odile",
    "Petra",
    "Quilla",
    "Rosalba",
    "Saskia",
    "Tamsin",
    "Ulla",
)
_FIRST_M = (
    "Anselm",
    "Bruno",
    "Caspar",
    "Dario",
    "Emil",
    "Florin",
    "Gideon",
    "Hugo",
    "Ilario",
    "Jarek",
    "Kaspar",
    "Lorenz",
    "Matteo",
    "Nils",
    "Otmar",
    "Pavel",
    "Quentin",
    "Ruben",
    "Stellan",
    "Tibor",
    "Urs",
)
_LAST = (
    "Example",
    "Sample",
    "Mockford",
    "Placewell",
    "Testerman",
    "Fictley",
    "Dummond",
    "Stubbs",
    "Specimen",
    "Trialson",
    "Draftwell",
    "Fillmore",
    "Proxyham",
    "Mustermann",
    "Standin",
    "Blankley",
)
_PLACES = (
    ("Exampleton", "Sample County", "02991"),
    ("Mockbridge", "Sample County", "02992"),
    ("Port Fixture", "Stub County", "02993"),
    ("Draft Falls", "Stub County", "02994"),
)
_RACES = ("white", "black", "asian", "native", "hawaiian", "other")


@dataclass(frozen=True, slots=True)
class Cancer:
    """A kind of cancer: its code, who gets it, and how long people live with it."""

    name: str
    code: str
    mass: str
    share: Sequence[int]
    median_months: float


CANCERS = (
    Cancer("lung", "254637007", "309529002", (30, 30), 30),
    Cancer("breast", "254837009", "89164003", (50, 1), 120),
    Cancer("colon", "93761005", "425711007", (20, 29), 70),
    Cancer("prostate", "93974005", "309089006", (0, 40), 130),
)


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient: what is known of the person, and the course that the illness will take.

    `severity` is standard normal; no file contains it. `died` is None for who lives at the study's end.
    """

    number: int
    id: str
    gender: str
    race: str
    ethnicity: str
    first: str
    last: str
    place: tuple[str, str, str]
    born: date
    severity: float
    cancer: Cancer
    stage: int
    diagnosed: date
    died: date | None
    smokes: bool
    has_notes: bool

    @property
    def until(self) -> date:
        """The first day without records."""
        return self.died or STUDY_END

    def burden(self, day: date) -> float:
        """Give how much of the illness shows on a day, in units of severity; about 0 before it begins."""
        lead = (day - self.diagnosed).days
        shown = min(1.0, max(0.1, 1 + lead / 180)) * (0.8 * self.severity + 0.35 * (self.stage - 2))
        return shown + 1.6 * math.exp(-(self.died - day).days / 150) if self.died else shown


def chance_of(seed: int, number: int, what: str) -> random.Random:
    """Give the generator for one matter of one patient, the same whatever the others do."""
    return random.Random(f"{seed}/{number}/{what}")  # noqa: S311 - a study, not a secret


def happens(chance: random.Random, probability: float) -> bool:
    """Say whether something of that probability happens."""
    return chance.random() < probability


def make_cohort(persons: int = 200, seed: int = 7) -> list[Patient]:
    """Draw the patients; patient n is the same in every cohort of one seed."""
    return [_patient(number, chance_of(seed, number, "person")) for number in range(persons)]


def _patient(number: int, chance: random.Random) -> Patient:
    female = happens(chance, 0.52)
    severity = chance.gauss(0, 1)
    cancer = chance.choices(CANCERS, [kind.share[0 if female else 1] for kind in CANCERS])[0]
    spread = 0.85 * severity + 0.55 * chance.gauss(0, 1)
    stage = 1 + sum(spread > cut for cut in (-0.5, 0.3, 1.0))
    diagnosed = date(2015, 1, 1) + timedelta(days=chance.randrange(9 * 365))
    born = diagnosed - timedelta(days=round(365.25 * chance.uniform(35, 88)))
    died = diagnosed + timedelta(days=_survival_days(cancer, severity, stage, chance))
    return Patient(
        number=number,
        id=new_id(chance),
        gender="F" if female else "M",
        race=chance.choices(_RACES, (66, 14, 11, 3, 2, 4))[0],
        ethnicity="hispanic" if happens(chance, 0.15) else "nonhispanic",
        first=f"{chance.choice(_FIRST_F if female else _FIRST_M)}{chance.randrange(100, 1000)}",
        last=f"{chance.choice(_LAST)}{chance.randrange(100, 1000)}",
        place=chance.choice(_PLACES),
        born=born,
        severity=severity,
        cancer=cancer,
        stage=stage,
        diagnosed=diagnosed,
        died=died if died <= STUDY_END else None,
        smokes=happens(chance, 0.7 if cancer.name == "lung" else 0.2),
        has_notes=happens(chance, 0.88),
    )


def _survival_days(cancer: Cancer, severity: float, stage: int, chance: random.Random) -> int:
    """Draw a Weibull survival time with proportional hazards in severity and stage, of at least 40 days."""
    shape = 1.2
    hazard = math.exp(severity + 0.35 * (stage - 2))
    scale = cancer.median_months * 30.4 / math.pow(math.log(2), 1 / shape)
    return max(40, round(scale * math.pow(-math.log(1 - chance.random()) / hazard, 1 / shape)))
