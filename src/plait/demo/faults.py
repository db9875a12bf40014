"""Planted faults: one small function a kind, so that the books of a load have something to show.

Each fault hits a record that nothing else hangs on, or one made for it; `plant` counts them by the reason
that a loader should give. What is odd but legal (quoted newlines, pseudo codes) is not counted.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING

from plait.demo.providers import stable_id

if TYPE_CHECKING:
    from plait.demo.tables import Records

NOBODY = stable_id("nobody")
"""A patient identifier that stands in no patients.csv."""
IMPOSSIBLE = "2021-02-30T10:00:00Z"
LOCAL_COLUMN = "LOCAL_FLAG"
UNKNOWN_FILE = "questionnaires"


def plant(records: Records, seed: int) -> tuple[Counter[str], int]:
    """Plant all faults and give how many there are by reason, and the number of exact duplicates."""
    chance = random.Random(f"{seed}/faults")  # noqa: S311 - a study, not a secret
    faults: Counter[str] = Counter()
    _add_local_column(records)
    for fault in (_unknown_person, _invalid_time, _missing_value, _invalid_number, _death_before_birth, _duplicate_key):
        faults.update(fault(records, chance))
    _quote(records)
    duplicates = _duplicate(records, chance)
    for fault in (_nul_byte, _field_count):
        faults.update(fault(records, chance))
    _add_unknown_file(records)
    return faults, duplicates


def _add_local_column(records: Records) -> None:
    """Give observations.csv a column that nobody declared."""
    records.headers["observations"].append(LOCAL_COLUMN)
    for number, row in enumerate(records.rows["observations"]):
        row.append("Y" if number % 50 == 0 else "")


def _unknown_person(records: Records, chance: random.Random) -> dict[str, int]:
    """Give a condition, an observation and a note to somebody whom nobody knows."""
    for file, column in (("conditions", "PATIENT"), ("observations", "PATIENT"), ("notes", "person")):
        row = _copy(records, file, chance)
        row[records.at(file, column)] = NOBODY
        visit = "visit" if file == "notes" else "ENCOUNTER"
        row[records.at(file, visit)] = ""
        if file == "notes":
            row[records.at(file, "note_id")], row[records.at(file, "file")] = "N9999-1-consult", "texts/9999-1-consult.txt"
            records.texts["9999-1-consult.txt"] = "ONCOLOGY CONSULTATION\n\nFiled under a number that no patient has.\n"
        _insert(records, file, row, chance)
    return {"unknown_person": 3}


def _invalid_time(records: Records, chance: random.Random) -> dict[str, int]:
    """Let a procedure begin on a day that no calendar has."""
    row = _copy(records, "procedures", chance)
    row[records.at("procedures", "START")] = IMPOSSIBLE
    _insert(records, "procedures", row, chance)
    return {"invalid_time": 1}


def _missing_value(records: Records, chance: random.Random) -> dict[str, int]:
    """Leave out the start of a condition and the patient of an observation."""
    for file, column in (("conditions", "START"), ("observations", "PATIENT")):
        row = _copy(records, file, chance)
        row[records.at(file, column)] = ""
        _insert(records, file, row, chance)
    return {"missing_value": 2}


def _invalid_number(records: Records, chance: random.Random) -> dict[str, int]:
    """Write words for the amount of a charge."""
    kind, amount = records.at("claims_transactions", "TYPE"), records.at("claims_transactions", "AMOUNT")
    chance.choice([row for row in records.rows["claims_transactions"] if row[kind] == "CHARGE"])[amount] = "about 85 dollars"
    return {"invalid_number": 1}


def _death_before_birth(records: Records, chance: random.Random) -> dict[str, int]:
    """Let somebody who lives die before the birth."""
    born, died = records.at("patients", "BIRTHDATE"), records.at("patients", "DEATHDATE")
    row = chance.choice(_living(records)[::2])
    row[died] = (date.fromisoformat(row[born]) - timedelta(days=30)).isoformat()
    return {"death_before_birth": 1}


def _duplicate_key(records: Records, chance: random.Random) -> dict[str, int]:
    """Repeat a patient with another birthday and an encounter with another end."""
    born, stop = records.at("patients", "BIRTHDATE"), records.at("encounters", "STOP")
    patient = list(chance.choice(_living(records)[1::2]))
    patient[born] = (date.fromisoformat(patient[born]) + timedelta(days=11)).isoformat()
    _insert(records, "patients", patient, chance)
    wellness = [row for row in records.rows["encounters"] if row[records.at("encounters", "CODE")] == "162673000"]
    visit = list(chance.choice(wellness))
    visit[stop] = visit[stop][:11] + "19:59:00Z"
    _insert(records, "encounters", visit, chance)
    return {"duplicate_key": 2}


def _nul_byte(records: Records, chance: random.Random) -> dict[str, int]:
    """Put a NUL byte into the description of a supply."""
    row = _copy(records, "supplies", chance)
    row[records.at("supplies", "DESCRIPTION")] += "\x00"
    _insert(records, "supplies", row, chance)
    return {"nul_byte": 1}


def _field_count(records: Records, chance: random.Random) -> dict[str, int]:
    """Give a device a field too many and a care plan too few."""
    _insert(records, "devices", [*_copy(records, "devices", chance), "surplus"], chance)
    _insert(records, "careplans", _copy(records, "careplans", chance)[:-2], chance)
    return {"field_count": 2}


def _quote(records: Records) -> None:
    """Put a newline into one description and a comma into another, which CSV allows inside quotes."""
    rows, at = records.rows["conditions"], records.at("conditions", "DESCRIPTION")
    rows[5][at] = f"{rows[5][at]}\n(as told by the patient)"
    rows[9][at] = f"{rows[9][at]}, since childhood"


def _duplicate(records: Records, chance: random.Random) -> int:
    """Repeat two records exactly."""
    for file in ("immunizations", "procedures"):
        row = chance.choice([row for row in records.rows[file] if IMPOSSIBLE not in row])
        _insert(records, file, list(row), chance)
    return 2


def _add_unknown_file(records: Records) -> None:
    """Add a file that no source declares."""
    records.headers[UNKNOWN_FILE] = ["PATIENT", "DATE", "QUESTION", "ANSWER"]
    person = records.rows["patients"][0][0]
    records.rows[UNKNOWN_FILE] = [[person, "2020-05-04", "How do you feel today?", "Quite well"], [person, "2020-11-09", "How do you feel today?", "Tired"]]


def _living(records: Records) -> list[list[str]]:
    died = records.at("patients", "DEATHDATE")
    return [row for row in records.rows["patients"] if not row[died]]


def _copy(records: Records, file: str, chance: random.Random) -> list[str]:
    """Give a copy of one of the first records, those without a fault of their own."""
    return list(chance.choice(records.rows[file][:20]))


def _insert(records: Records, file: str, row: list[str], chance: random.Random) -> None:
    """Put a record somewhere into a file."""
    rows = records.rows[file]
    rows.insert(chance.randrange(len(rows) // 2, len(rows) + 1), row)
