"""A Synthea delivery in CSV, written as FHIR: the same patients, encounters and facts, with nothing added."""

from __future__ import annotations

import csv
import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

from tiny_fhir import CORE, LOINC, RXNORM, SNOMED, concept, ref

HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"

Row = dict[str, str]

_CLASSES = {"ambulatory": "AMB", "outpatient": "AMB", "wellness": "AMB", "emergency": "EMER", "inpatient": "IMP"}
_RACES = {"white": "2106-3", "black": "2054-5", "asian": "2028-9", "native": "1002-5", "hawaiian": "2076-8"}
_ETHNICITIES = {"hispanic": "2135-2", "nonhispanic": "2186-5"}
_SYSTEMS = {"SNOMED-CT": SNOMED, "ICD10": "http://hl7.org/fhir/sid/icd-10-cm", "ICD-10": "http://hl7.org/fhir/sid/icd-10-cm", "LOINC": LOINC}


def _kept(resource: dict[str, Any]) -> dict[str, Any]:
    """Give a resource without elements that have no value, named by its content: equal records are equal resources."""
    said = {key: value for key, value in resource.items() if value not in (None, "", {}, [])}
    return said if "id" in said else said | {"id": hashlib.md5(json.dumps(said).encode(), usedforsecurity=False).hexdigest()}


def _of(row: Row, kind: str, whose: str = "subject") -> dict[str, Any]:
    """Give what all resources of a patient and an encounter have."""
    return {"resourceType": kind, whose: ref(f"Patient/{row['PATIENT']}"), "encounter": ref(f"Encounter/{row['ENCOUNTER']}")}


def _code(row: Row, system: str) -> dict[str, Any]:
    return concept(system, row["CODE"], row["DESCRIPTION"]) if row["CODE"] else {}


def _patient(row: Row) -> dict[str, Any]:
    def extension(name: str, code: str | None) -> list[dict[str, Any]]:
        return [{"url": CORE + name, "extension": [{"url": "ombCategory", "valueCoding": {"code": code}}]}] if code else []

    return {
        "resourceType": "Patient",
        "id": row["Id"],
        "birthDate": row["BIRTHDATE"],
        "deceasedDateTime": row["DEATHDATE"],
        "gender": {"M": "male", "F": "female"}.get(row["GENDER"], row["GENDER"]),
        "extension": [*extension("race", _RACES.get(row["RACE"])), *extension("ethnicity", _ETHNICITIES.get(row["ETHNICITY"]))],
    }


def _encounter(row: Row) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": row["Id"],
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": _CLASSES.get(row["ENCOUNTERCLASS"], row["ENCOUNTERCLASS"])},
        "type": [_code(row, SNOMED)],
        "subject": ref(f"Patient/{row['PATIENT']}"),
        "period": _kept({"id": "", "start": row["START"], "end": row["STOP"]}),
    }


def _condition(row: Row) -> dict[str, Any]:
    said = _of(row, "Condition")
    if not row["START"]:
        del said["encounter"]  # of whose time the condition would be in FHIR, while the CSV source rejects it
    return said | {
        "code": _code(row, _SYSTEMS.get(row["SYSTEM"], row["SYSTEM"])),
        "onsetDateTime": row["START"],
        "abatementDateTime": row["STOP"],
    }


def _medication(row: Row) -> dict[str, Any]:
    return _of(row, "MedicationRequest") | {
        "status": "stopped" if row["STOP"] else "active",
        "intent": "order",
        "medicationCodeableConcept": _code(row, RXNORM),
        "authoredOn": row["START"],
        "dispenseRequest": {"validityPeriod": {"end": row["STOP"] or None}, "numberOfRepeatsAllowed": max(int(row["DISPENSES"] or 1) - 1, 0)},
    }


def _immunization(row: Row) -> dict[str, Any]:
    return _of(row, "Immunization", "patient") | {
        "status": "completed",
        "vaccineCode": _code(row, "http://hl7.org/fhir/sid/cvx"),
        "occurrenceDateTime": row["DATE"],
    }


def _procedure(row: Row) -> dict[str, Any]:
    return _of(row, "Procedure") | {
        "status": "completed",
        "code": _code(row, SNOMED if row["CODE"].isdigit() else HCPCS),
        "performedPeriod": {"start": row["START"], "end": row["STOP"] or None},
    }


def _careplan(row: Row) -> dict[str, Any]:
    return _of(row, "CarePlan") | {
        "status": "active",
        "intent": "order",
        "category": [_code(row, SNOMED)],
        "period": {"start": row["START"], "end": row["STOP"] or None},
    }


def _observation(row: Row) -> dict[str, Any]:
    said = _of(row, "Observation") | {"status": "final", "code": _code(row, LOINC), "effectiveDateTime": row["DATE"]}
    try:
        number = json.loads(row["VALUE"]) if row["TYPE"] == "numeric" else None
    except json.JSONDecodeError:
        number = row["VALUE"]
    if number is None:
        return said | {"valueString": row["VALUE"]}
    return said | {"valueQuantity": {"value": number} | ({"unit": row["UNITS"]} if row["UNITS"] != "null" else {})}


_FILES: dict[str, Callable[[Row], dict[str, Any]]] = {
    "patients": _patient,
    "encounters": _encounter,
    "conditions": _condition,
    "medications": _medication,
    "immunizations": _immunization,
    "procedures": _procedure,
    "careplans": _careplan,
    "observations": _observation,
}
FILES = frozenset(_FILES)
"""The files that are written as FHIR."""


def write_as_fhir(synthea: Path, folder: Path) -> None:
    """Write each file of a Synthea delivery that has its like in FHIR as bulk data."""
    folder.mkdir(parents=True)
    for stem, of_row in _FILES.items():
        with (synthea / f"{stem}.csv").open(encoding="utf-8", newline="") as rows:
            lines = [json.dumps(_kept(of_row(row))) + "\n" for row in csv.DictReader(rows)]
        (folder / f"{stem}.ndjson").write_text("".join(lines), encoding="utf-8")
