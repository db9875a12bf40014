"""SMART's bulk export of 13 patients, and HL7's examples of genomics reports: every resource accounted for, read a second time by the json module."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import plait
from tiny_fhir import fates, reasons

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READ = {"AllergyIntolerance", "Condition", "Device", "DiagnosticReport", "DocumentReference", "Encounter", "Immunization", "Location", "MedicationRequest"} | {
    "MedicationStatement",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "ServiceRequest",
    "Specimen",
}
"""Types of resources in these two folders that the kind reads."""


def resources(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield every resource of a folder, entries of Bundles and contained ones too; `{}` for what is none."""
    for path in sorted(folder.rglob("*")):
        if not path.name.removesuffix(".gz").endswith((".json", ".ndjson")):
            yield {}
            continue
        text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
        documents = [json.loads(line) for line in text.splitlines()] if ".ndjson" in path.name else [json.loads(text)]
        for document in documents:
            for one in [entry.get("resource", {}) for entry in document["entry"]] if document.get("resourceType") == "Bundle" else [document]:
                yield one
                yield from one.get("contained", [])


def counted(folder: Path) -> dict[str, int]:
    """Give how many resources of each type there are; what is read by no SELECT is `other`."""
    return dict(Counter(kind if (kind := one.get("resourceType")) in READ else "other" for one in resources(folder)))


def run(folder: Path, path: Path, shared: Path) -> plait.Study:
    source = {"name": "ehr", "kind": "fhir", "path": str(path), "person_system": "smart"}
    settings = {"study": "fhir", "vocabulary": str(shared / "data" / "vocabulary" / "merged"), "sources": [source]}
    (folder / "plait.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    study = plait.open(folder)
    study.run_etl(threads=2)
    return study


@pytest.fixture(scope="module")
def raw(shared: Path) -> Path:
    return shared / "data" / "fhir" / "smart-bulk-13"


@pytest.fixture(scope="module")
def smart(shared: Path, raw: Path, tmp_path_factory: pytest.TempPathFactory) -> plait.Study:
    return run(tmp_path_factory.mktemp("smart"), raw, shared)


@pytest.fixture(scope="module")
def genomics(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> plait.Study:
    return run(tmp_path_factory.mktemp("genomics"), shared / "data" / "fhir" / "genomics-reporting", shared)


def of_type(folder: Path, kind: str) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in resources(folder) if one.get("resourceType") == kind}


@pytest.mark.parametrize("name", ["smart", "genomics"])
def test_every_resource_is_in_the_ledger(name: str, request: pytest.FixtureRequest, shared: Path) -> None:
    study = request.getfixturevalue(name)
    folder = shared / "data" / "fhir" / {"smart": "smart-bulk-13", "genomics": "genomics-reporting"}[name]
    found = fates(study)
    read = {kind: {counts[0] for (file, _), counts in found.items() if file == kind} for kind, _ in found}
    assert read == {kind: {number} for kind, number in counted(folder).items()}
    assert all(counts[0] == sum(counts[1:]) for counts in found.values())


def test_nothing_of_the_bulk_export_is_rejected(smart: plait.Study) -> None:
    assert reasons(smart, "rejected") == {}
    loaded = {key: counts[1] for key, counts in fates(smart).items()}
    assert {kind: loaded[kind, "event"] for kind in ("Condition", "MedicationRequest", "Procedure", "Immunization")} == {
        "Condition": 555,
        "MedicationRequest": 1745,
        "Procedure": 2056,
        "Immunization": 161,
    }
    assert loaded["Encounter", "visit"] == loaded["DocumentReference", "note"] == 1215
    assert loaded["Patient", "person"] == 13


def test_no_reference_of_the_bulk_export_leads_nowhere(smart: plait.Study) -> None:
    con = smart.connect()
    assert con.execute("SELECT kind FROM plait.notices WHERE kind LIKE 'unknown%'").fetchall() == []
    for table in ("note", "drug_exposure", "condition_occurrence", "procedure_occurrence"):
        counts = con.execute(
            "SELECT count(*) - count(visit_occurrence_id), count(*) - count(provider_id) FROM query_table($t)", {"t": f"cdm.{table}"}
        ).fetchone()
        assert counts == (0, 0), table
    assert con.execute("SELECT \"column\" FROM plait.columns WHERE fate = 'unaccounted'").fetchall() == []


def test_notes_are_the_attachments_byte_for_byte(smart: plait.Study, raw: Path) -> None:
    texts = Counter(base64.b64decode(one["content"][0]["attachment"]["data"]) for one in of_type(raw, "DocumentReference").values())
    notes = Counter(text.encode() for (text,) in smart.connect().execute("SELECT note_text FROM cdm.note").fetchall())
    assert notes == texts


def test_persons_visits_and_prescriptions_are_those_of_the_resources(smart: plait.Study, raw: Path) -> None:
    con = smart.connect()
    patients = of_type(raw, "Patient")
    persons = con.execute("SELECT person_source_value, CAST(birth_datetime AS DATE)::VARCHAR, gender_source_value FROM cdm.person").fetchall()
    birthsex = {key: next(one["valueCode"] for one in patient["extension"] if one["url"].endswith("us-core-birthsex")) for key, patient in patients.items()}
    assert set(persons) == {(key, patient["birthDate"], birthsex[key]) for key, patient in patients.items()}
    owner = dict(con.execute("SELECT person_id, person_source_value FROM cdm.person").fetchall())
    theirs = Counter(
        (one["subject"]["reference"].removeprefix("Patient/"), one["medicationCodeableConcept"]["coding"][0]["code"])
        for one in of_type(raw, "MedicationRequest").values()
    )
    ours = con.execute("SELECT person_id, drug_source_value FROM cdm.drug_exposure WHERE drug_type_concept_id = 32838").fetchall()
    assert Counter((owner[person], code) for person, code in ours) == theirs
    classes = Counter({"AMB": 9202, "EMER": 9203, "IMP": 9201, "HH": 581476, "VR": 5083}[one["class"]["code"]] for one in of_type(raw, "Encounter").values())
    details = con.execute("SELECT visit_detail_concept_id, count(*) FROM cdm.visit_detail GROUP BY ALL").fetchall()
    assert dict(details) == dict(classes)


def test_times_with_an_offset_are_those_of_the_studys_zone(smart: plait.Study, raw: Path) -> None:
    import datetime as dt

    theirs = Counter(dt.datetime.fromisoformat(one["period"]["start"]).astimezone(dt.UTC).replace(tzinfo=None) for one in of_type(raw, "Encounter").values())
    ours = Counter(start for (start,) in smart.connect().execute("SELECT visit_detail_start_datetime FROM cdm.visit_detail").fetchall())
    assert ours == theirs


def test_what_the_examples_of_genomics_reports_lack_is_in_the_books(genomics: plait.Study) -> None:
    rejected = genomics.connect().execute("SELECT DISTINCT file, shape, reason, detail FROM plait.rejects").fetchall()
    assert ("Patient", "person", "missing_value", "birth") in rejected  # PERSON needs a year of birth
    assert {reason for _, _, reason, _ in rejected} == {"missing_value", "unknown_person"}
    genes = genomics.connect().execute("SELECT gene_source_value, count(*) FROM cdm.omics_variant GROUP BY ALL ORDER BY 1").fetchall()
    assert genes == [("BRAF", 1), ("ERBB4", 1), ("JAK2", 1), ("KDR", 1)]
