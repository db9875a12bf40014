"""A reference leads to a resource of the type that it names, in the version that counts, and to nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tiny_fhir import MRN, NPI, RXNORM, SNOMED, Ward, concept, observation, patient, reasons, ref

if TYPE_CHECKING:
    import plait

VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
OLD, NEW = {"lastUpdated": "2020-01-01T00:00:00Z"}, {"lastUpdated": "2020-01-02T00:00:00Z"}
ROLES = {
    "urn:uuid:0a": {"practitioner": ref("Practitioner/3")},
    "https://server.example/PractitionerRole/7": {"id": "7", "practitioner": {"identifier": {"system": NPI, "value": "3"}}},
    "https://server.example/PractitionerRole/3": {"practitioner": ref("Practitioner/2")},
}


def condition(key: str, **more: object) -> dict[str, Any]:
    """Give a condition of a patient who is nobody else, with its own words as code."""
    return {"resourceType": "Condition", "id": key, "code": {"text": key}, "subject": ref("Patient/1"), "onsetDateTime": "2020-02-01"} | more


def encounter(meta: dict[str, str], start: str, end: str) -> dict[str, Any]:
    said = {"resourceType": "Encounter", "id": "e", "meta": meta, "status": "finished", "class": {"code": "AMB"}, "subject": ref("Patient/1")}
    return said | {"period": {"start": start, "end": end}}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> plait.Study:
    """A server that numbers the resources of each type from 1, and keeps what it said before."""
    ward = Ward(tmp_path_factory.mktemp("references"))
    ward.lines(
        "Patient.ndjson",
        patient("1", "M1"),
        patient("corrected", "M2", meta=OLD),
        patient("corrected", "M9", meta=NEW),
        patient("2", "M2"),
        patient("a", "MA", link=[{"type": "seealso", "other": ref("Patient/1")}, {"type": "replaced-by", "other": ref("Patient/b")}]),
        patient("b", "MB", link=[{"type": "replaced-by", "other": {"identifier": {"system": MRN, "value": "MC"}}}]),
        patient("c", "MC"),
    )
    ward.lines(
        "others.ndjson",
        {"resourceType": "Device", "id": "1"},
        {"resourceType": "Organization", "id": "1", "name": "North ward"},
        encounter(OLD, "1990-01-01T08:00:00Z", "2030-01-01T09:00:00Z"),
        encounter(NEW, "2020-01-01T08:00:00Z", "2020-01-01T09:00:00Z"),
        {"resourceType": "Medication", "id": "1", "meta": OLD, "code": concept(RXNORM, "111")},
        {"resourceType": "Medication", "id": "1", "meta": NEW, "code": concept(RXNORM, "314076")},
        {"resourceType": "MedicationRequest", "id": "1", "status": "active", "intent": "order", "authoredOn": "2020-01-01", "subject": ref("Patient/1")}
        | {"medicationReference": ref("Medication/1")},
        *({"resourceType": "Practitioner", "id": key, "name": [{"text": key}], "identifier": [{"system": NPI, "value": key}]} for key in "123"),
        {"resourceType": "PractitionerRole", "id": "1", "practitioner": ref("Practitioner/2")},
    )
    ward.bundle("roles.json", *({"fullUrl": url, "resource": {"resourceType": "PractitionerRole"} | said} for url, said in ROLES.items()))
    ward.lines(
        "Condition.ndjson",
        condition("of a group", subject=ref("Group/1")),
        condition("of a device", subject=ref("https://server.example/fhir/Device/1/_history/2")),
        condition("of the corrected", subject=ref("Patient/corrected")),
        condition("of the other", subject=ref("Patient/2")),
        condition("of the replaced", subject=ref("Patient/a")),
        condition("dated by its encounter", onsetDateTime=None, encounter=ref("Encounter/e")),
        condition("in error", verificationStatus={"coding": [{"system": SNOMED, "code": "723510000"}, {"system": VERIFICATION, "code": "entered-in-error"}]}),
        condition("ruled out", verificationStatus={"coding": [{"system": SNOMED, "code": "410516002"}, {"system": VERIFICATION, "code": "refuted"}]}),
        condition("of words", code={"coding": [{"system": SNOMED, "display": "a rash"}]}),
        condition("by an organisation", asserter=ref("Organization/1")),
        condition("by the patient", asserter=ref("Patient/1"), recorder=ref("Practitioner/1")),
        condition("by a role", asserter=ref("PractitionerRole/1")),
        condition("by an unnamed role", asserter=ref("urn:uuid:0a")),
        condition("by a role elsewhere", asserter=ref("PractitionerRole/7")),
        condition("by a practitioner", asserter=ref("Practitioner/3")),
        condition(
            "by a contained role", asserter=ref("#r"), contained=[{"resourceType": "PractitionerRole", "id": "r", "practitioner": ref("Practitioner/3")}]
        ),
    )
    ward.lines("Observation.ndjson", observation("1", "2160-0", subject=ref("Patient/1"), valueDateTime="2020"))
    return ward.run()


def test_what_is_said_of_others_is_of_no_patient(study: plait.Study) -> None:
    assert reasons(study, "rejected") == {("Condition", "event", "unknown_person"): 2}


def test_the_newest_version_says_who_somebody_is_and_who_replaced_them_in_the_end(study: plait.Study) -> None:
    rows = study.connect().execute("""
        SELECT condition_source_value, person_source_value FROM cdm.condition_occurrence INNER JOIN cdm.person USING (person_id)
        WHERE condition_source_value LIKE 'of the %'
    """)
    assert dict(rows.fetchall()) == {"of the corrected": "M9", "of the other": "M2", "of the replaced": "MC"}


def test_the_newest_version_says_when_an_encounter_was_and_what_a_drug_is(study: plait.Study) -> None:
    con = study.connect()
    query = """
        SELECT CAST(c.condition_start_datetime AS VARCHAR), CAST(k.known_time AS VARCHAR) FROM cdm.condition_occurrence AS c
        INNER JOIN plait.row_meta AS k ON k.table_name = 'condition_occurrence' AND k.row_id = c.condition_occurrence_id
        WHERE c.condition_source_value = 'dated by its encounter'
    """
    assert con.execute(query).fetchall() == [("2020-01-01 08:00:00", "2020-01-01 09:00:00")]
    assert con.execute("SELECT drug_source_value FROM cdm.drug_exposure").fetchall() == [("314076",)]


def test_each_coding_of_a_verification_status_counts(study: plait.Study) -> None:
    assert reasons(study, "ignored")["Condition", "event", "entered_in_error"] == 1
    query = "SELECT observation_source_value, qualifier_source_value FROM cdm.observation"
    assert study.connect().execute(query).fetchall() == [("ruled out", "refuted")]


def test_a_coding_of_words_alone_keeps_them(study: plait.Study) -> None:
    assert study.connect().execute("SELECT count(*) FROM cdm.condition_occurrence WHERE condition_source_value = 'a rash'").fetchone() == (1,)


def test_a_year_is_no_number(study: plait.Study) -> None:
    assert study.connect().execute("SELECT value_as_number, value_source_value FROM cdm.measurement").fetchall() == [(None, "2020")]


def test_a_practitioner_is_told_from_a_role_of_the_same_id(study: plait.Study) -> None:
    rows = study.connect().execute("""
        SELECT condition_source_value, provider_name FROM cdm.condition_occurrence LEFT JOIN cdm.provider USING (provider_id)
        WHERE condition_source_value LIKE 'by %'
    """)
    assert dict(rows.fetchall()) == {
        "by an organisation": None,
        "by the patient": "1",
        "by a role": "2",
        "by an unnamed role": "3",
        "by a role elsewhere": "3",
        "by a practitioner": "3",
        "by a contained role": "3",
    }
