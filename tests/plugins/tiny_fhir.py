"""A small ward in FHIR: made-up patients, one resource or two of each type, in all the ways that resources are delivered."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

import plait
from plait.demo.vocabulary import write_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

MRN = "https://hospital.example/mrn"
NPI = "http://hl7.org/fhir/sid/us-npi"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"

Resource = dict[str, Any]


def concept(system: str, code: str, display: str | None = None) -> Resource:
    """Give a CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code} | ({"display": display} if display else {})]}


def quantity(value: float, unit: str) -> Resource:
    """Give a Quantity in UCUM."""
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def ref(to: str) -> Resource:
    """Give a Reference."""
    return {"reference": to}


def patient(key: str, mrn: str, **more: object) -> Resource:
    """Give a Patient with a medical record number."""
    return {"resourceType": "Patient", "id": key, "identifier": [{"system": MRN, "value": mrn}], "birthDate": "1960-05-04", "gender": "female"} | more


def observation(key: str, code: str, **more: object) -> Resource:
    """Give a final laboratory result of the first patient."""
    said: Resource = {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "category": [concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")],
        "code": concept(LOINC, code),
        "subject": ref("Patient/p1"),
        "effectiveDateTime": "2020-03-01T08:00:00Z",
    }
    return said | more


def document(key: str, attachment: Resource, **more: object) -> Resource:
    """Give a DocumentReference of the first patient."""
    said: Resource = {"resourceType": "DocumentReference", "id": key, "status": "current", "type": concept(LOINC, "34117-2"), "subject": ref("Patient/p1")}
    return said | {"date": "2020-03-02T10:00:00Z", "content": [{"attachment": attachment}]} | more


def encoded(text: str, encoding: str = "utf-8") -> str:
    """Give a text as an attachment holds it."""
    return base64.b64encode(text.encode(encoding)).decode()


@dataclass(frozen=True)
class Ward:
    """A study whose one source `ehr` is of kind fhir, with its data below `data/fhir`."""

    path: Path

    @property
    def data(self) -> Path:
        return self.path / "data" / "fhir"

    def lines(self, name: str, *resources: Resource | str) -> Path:
        """Write an NDJSON file; a text stands as it is."""
        return self.text(name, "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in resources))

    def bundle(self, name: str, *entries: Resource, kind: str = "transaction") -> Path:
        """Write a Bundle over many lines."""
        return self.text(name, json.dumps({"resourceType": "Bundle", "type": kind, "entry": list(entries)}, indent=2))

    def text(self, name: str, text: str | bytes) -> Path:
        """Write a file, compressed where its name says so."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    def run(self, **options: object) -> plait.Study:
        """Run the ETL with options of the source and give the study."""
        if not (self.path / "athena").is_dir():
            write_vocabulary(self.path / "athena")
        source = {"name": "ehr", "kind": "fhir", "path": "data/fhir", "person_system": MRN} | options
        (self.path / "plait.yaml").write_text(yaml.safe_dump({"study": "ward", "vocabulary": "athena", "sources": [source]}), encoding="utf-8")
        study = plait.open(self.path)
        study.run_etl(threads=2)
        return study


def fates(study: plait.Study) -> dict[tuple[str, str], tuple[int, int, int, int, int]]:
    """Give what became of the records of each type in each shape: read, loaded, merged, rejected, ignored."""
    rows = study.connect().execute("SELECT file, shape, read, loaded, merged, rejected, ignored FROM plait.ledger").fetchall()
    return {(file, shape): tuple(counts) for file, shape, *counts in rows}  # type: ignore[misc]


def reasons(study: plait.Study, fate: str) -> dict[tuple[str, str, str], int]:
    """Give how many records of each (type, shape, reason) ended so."""
    rows = study.connect().execute("SELECT file, shape, reason, records FROM plait.ledger_reasons WHERE fate = $fate", {"fate": fate}).fetchall()
    return {(file, shape, reason): records for file, shape, reason, records in rows}
