"""The demo study: a made-up cohort of cancer patients, their records and notes, and faults to find.

Nobody in it exists. One latent severity per patient moves codes, laboratory values, the words of the notes
and survival, so that what reads several of them together has something to find.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.demo.billing import add_claims
from plait.demo.chart import Chart
from plait.demo.cohort import Patient, chance_of, make_cohort
from plait.demo.faults import plant
from plait.demo.illness import add_illness
from plait.demo.life import add_life_before, add_person, yearly_payers
from plait.demo.notes import add_notes
from plait.demo.providers import add_providers
from plait.demo.tables import Records
from plait.demo.vocabulary import write_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DemoFacts", "Patient", "make_cohort", "write_demo"]

FEWEST = 20
"""Patients that the faults need, so that each finds a record."""
_SETTINGS = """\
study: demo
vocabulary: data/athena
sources:
  - {name: ehr, kind: synthea, path: data/synthea}
  - {name: letters, kind: notes, path: data/notes, person_system: synthea}
"""


@dataclass(frozen=True, slots=True)
class DemoFacts:
    """What was written.

    `records` counts CSV records by the file's stem, the faulty ones included (a record may span lines);
    `faults` counts the planted faults by the reason that a loader should give; `duplicates` are records that
    repeat another one exactly; `deaths` are patients with a date of death that can be true.
    """

    persons: int
    deaths: int
    records: dict[str, int]
    faults: dict[str, int]
    duplicates: int


def write_demo(folder: Path, *, persons: int = 200, seed: int = 7) -> DemoFacts:
    """Write the demo study's raw data and, where there is none, its `plait.yaml`.

    The same `persons` and `seed` give the same bytes.

    Args:
        folder: The study's folder, made if it is not there; files of an earlier demo are overwritten.
        persons: Number of patients, at least `FEWEST`.
        seed: Seed of everything that is drawn.

    Raises:
        ValueError: Fewer than `FEWEST` patients.
    """
    if persons < FEWEST:
        raise ValueError(f"expected at least {FEWEST} persons, got {persons}")
    records = Records()
    add_providers(records)
    cohort = make_cohort(persons, seed)
    for patient in cohort:
        _add_patient(records, patient, seed)
    faults, duplicates = plant(records, seed)
    counts = _write(records, folder)
    deaths = sum(patient.died is not None for patient in cohort)
    return DemoFacts(persons=persons, deaths=deaths, records=counts, faults=dict(faults), duplicates=duplicates)


def _add_patient(records: Records, patient: Patient, seed: int) -> None:
    """Write everything about one patient."""
    payers = yearly_payers(patient, chance_of(seed, patient.number, "payers"))
    add_person(records, patient, chance_of(seed, patient.number, "address"), payers)
    chart = Chart(records, patient, chance_of(seed, patient.number, "chart"), payers)
    add_life_before(chart)
    course = add_illness(chart)
    chart.chance = chance_of(seed, patient.number, "claims")
    add_claims(chart)
    chart.chance = chance_of(seed, patient.number, "notes")
    add_notes(chart, course)


def _write(records: Records, folder: Path) -> dict[str, int]:
    """Write all files and give the number of records in each."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # as every study
    synthea, notes = folder / "data/synthea", folder / "data/notes"
    for needed in (synthea, notes / "texts"):
        needed.mkdir(parents=True, exist_ok=True)
    counts = {file: records.write(file, (notes if file == "notes" else synthea) / f"{file}.csv") for file in records.rows}
    for name, text in records.texts.items():
        (notes / "texts" / name).write_text(text, encoding="utf-8", newline="")
    write_vocabulary(folder / "data/athena")
    if not (folder / "plait.yaml").exists():
        (folder / "plait.yaml").write_text(_SETTINGS, encoding="utf-8", newline="")
    return counts
