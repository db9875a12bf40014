"""Each type of resource becomes the rows that docs/fhir.md says, however it was delivered and however others refer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tiny_fhir import CORE, LOINC, MRN, NPI, RXNORM, SNOMED, Ward, concept, document, encoded, fates, observation, patient, quantity, reasons, ref

if TYPE_CHECKING:
    import plait

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
RACE = "urn:oid:2.16.840.1.113883.6.238"


def us_core(name: str, *codes: str) -> dict[str, Any]:
    return {"url": CORE + name, "extension": [{"url": "ombCategory", "valueCoding": {"system": RACE, "code": code}} for code in codes]}


def write_people(ward: Ward) -> None:
    ward.lines(
        "Patient.ndjson",
        patient(
            "p1",
            "M1",
            extension=[us_core("race", "2106-3"), us_core("ethnicity", "2186-5"), {"url": CORE + "birthsex", "valueCode": "M"}],
            address=[{"line": ["1 High Street"], "city": "Ghent", "postalCode": "9000", "country": "BE"}],
            generalPractitioner=[ref("Practitioner/d1")],
            deceasedDateTime="2021",
        ),
        patient("p2", "M2", birthDate="1971", extension=[us_core("race", "2028-9", "2106-3", "UNK")]),
        patient("no-birth", "M3", birthDate=None),
        patient("error", "M4", modifierExtension=[{"url": "http://example.org/not-a-patient", "valueBoolean": True}]),
    )
    ward.lines(
        "care/Practitioner.ndjson.gz",
        {
            "resourceType": "Practitioner",
            "id": "d1",
            "identifier": [{"system": NPI, "value": "99"}],
            "name": [{"family": "Vorb", "given": ["Otto"]}],
            "gender": "male",
        },
        {
            "resourceType": "PractitionerRole",
            "id": "r1",
            "practitioner": {"identifier": {"system": NPI, "value": "99"}},
            "organization": ref("Organization/o1"),
        },
        {"resourceType": "Organization", "id": "o1", "name": "North ward", "address": [{"city": "Ghent", "postalCode": "9000"}]},
        {"resourceType": "Location", "id": "l1", "address": {"city": "Ghent", "postalCode": "9000"}},
    )


def write_chart(ward: Ward) -> None:
    urn = "urn:uuid:0c0ffee0-0000-4000-8000-000000000001"
    ward.bundle(
        "chart.json",
        {
            "fullUrl": urn,
            "resource": {
                "resourceType": "Encounter",
                "status": "finished",
                "class": {"system": ACT, "code": "IMP"},
                "type": [concept(SNOMED, "32485007", "Hospital admission")],
                "subject": ref(f"Patient?identifier={MRN}|M1"),
                "participant": [{"individual": ref("PractitionerRole/r1")}],
                "period": {"start": "2020-03-01T07:00:00+01:00", "end": "2020-03-05T12:00:00+01:00"},
                "serviceProvider": ref("https://server.example/fhir/Organization/o1/_history/4"),
            },
        },
        {"resource": {"resourceType": "Encounter", "id": "v-cancelled", "status": "cancelled", "class": {"code": "AMB"}, "subject": ref("Patient/p1")}},
        {"request": {"method": "DELETE", "url": "Patient/old"}},
        {
            "fullUrl": "urn:uuid:c1",
            "resource": {
                "resourceType": "Condition",
                "verificationStatus": concept(VERIFICATION, "confirmed"),
                "code": {
                    "coding": [
                        {"system": "https://hospital.example/codes", "code": "DM"},
                        {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9"},
                        {"system": SNOMED, "code": "44054006", "display": "Type 2 diabetes mellitus"},
                    ]
                },
                "subject": ref("Patient/p1"),
                "encounter": ref(urn),
                "onsetDateTime": "2010-05",
                "recordedDate": "2020-03-01T09:00:00+01:00",
            },
        },
        {
            "resource": {
                "resourceType": "Condition",
                "id": "undated",
                "code": concept(SNOMED, "49727002", "Cough"),
                "subject": ref("Patient/p1"),
                "encounter": ref(urn),
            }
        },
        {
            "resource": {
                "resourceType": "Condition",
                "id": "maybe",
                "verificationStatus": concept(VERIFICATION, "refuted"),
                "code": concept(SNOMED, "195967001", "Asthma"),
                "subject": ref("Patient/p1"),
                "onsetDateTime": "2020-03-01",
            }
        },
        {
            "resource": {
                "resourceType": "Condition",
                "id": "wrong",
                "verificationStatus": concept(VERIFICATION, "entered-in-error"),
                "code": concept(SNOMED, "195967001"),
                "subject": ref("Patient/p1"),
                "onsetDateTime": "2020-03-01",
            }
        },
        {
            "resource": {
                "resourceType": "MedicationRequest",
                "id": "m1",
                "status": "active",
                "intent": "order",
                "contained": [{"resourceType": "Medication", "id": "med", "code": concept(RXNORM, "314076", "lisinopril 10 MG Oral Tablet")}],
                "medicationReference": ref("#med"),
                "subject": ref("Patient/p1"),
                "encounter": ref(urn),
                "authoredOn": "2020-03-02",
                "dosageInstruction": [{"text": "one a day"}],
                "dispenseRequest": {"numberOfRepeatsAllowed": 2, "quantity": {"value": 30}, "expectedSupplyDuration": {"value": 30, "code": "d"}},
            }
        },
        {
            "resource": {
                "resourceType": "MedicationRequest",
                "id": "m2",
                "status": "active",
                "intent": "plan",
                "medicationCodeableConcept": concept(RXNORM, "314076"),
                "subject": ref("Patient/p1"),
                "authoredOn": "2020-03-02",
            }
        },
    )
    ward.lines(
        "drugs.ndjson",
        {"resourceType": "Medication", "id": "tab", "code": concept(RXNORM, "308136", "amlodipine")},
        {
            "resourceType": "MedicationAdministration",
            "id": "a1",
            "status": "completed",
            "medicationReference": ref("Medication/tab"),
            "subject": ref("Patient/p1"),
            "effectivePeriod": {"start": "2020-03-02T08:00:00Z", "end": "2020-03-02T08:05:00Z"},
            "dosage": {"dose": {"value": 5}},
        },
        {
            "resourceType": "MedicationAdministration",
            "id": "a2",
            "status": "not-done",
            "medicationReference": ref("Medication/tab"),
            "subject": ref("Patient/p1"),
            "effectiveDateTime": "2020-03-03",
        },
        {
            "resourceType": "MedicationStatement",
            "id": "s1",
            "status": "active",
            "medicationCodeableConcept": {"text": "her grandmother's tea"},
            "subject": ref("Patient/p2"),
            "effectiveDateTime": "2019",
        },
        {
            "resourceType": "MedicationDispense",
            "id": "i1",
            "status": "completed",
            "medicationCodeableConcept": concept(RXNORM, "314076"),
            "subject": ref("Patient/p1"),
            "whenHandedOver": "2020-03-06",
            "daysSupply": {"value": 30, "code": "d"},
        },
        {
            "resourceType": "Immunization",
            "id": "im1",
            "status": "completed",
            "vaccineCode": concept("http://hl7.org/fhir/sid/cvx", "140"),
            "patient": ref("Patient/p1"),
            "occurrenceDateTime": "2020-03-04",
        },
        {
            "resourceType": "Immunization",
            "id": "im2",
            "status": "not-done",
            "vaccineCode": concept("http://hl7.org/fhir/sid/cvx", "140"),
            "patient": ref("Patient/p1"),
            "occurrenceDateTime": "2020-03-04",
        },
    )


def write_findings(ward: Ward) -> None:
    ward.lines(
        "findings.jsonl",
        observation(
            "creatinine",
            "2160-0",
            valueQuantity=quantity(1.9, "mg/dL") | {"comparator": ">"},
            referenceRange=[{"low": {"value": 0.6}, "high": {"value": 1.2}}],
            interpretation=[concept("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "H")],
            issued="2020-03-01T11:30:00Z",
        ),
        observation(
            "pressure",
            "85354-9",
            component=[
                {"code": concept(LOINC, "8480-6"), "valueQuantity": quantity(150, "mm[Hg]")},
                {"code": concept(LOINC, "8462-4"), "valueQuantity": quantity(90, "mm[Hg]")},
            ],
        ),
        observation("panel", "24323-8", hasMember=[ref("Observation/creatinine")]),
        observation("refused", "2160-0", dataAbsentReason=concept("http://terminology.hl7.org/CodeSystem/data-absent-reason", "asked-declined")),
        observation("early", "2160-0", status="preliminary", valueQuantity=quantity(1.8, "mg/dL")),
        observation("undated", "2160-0", effectiveDateTime=None, valueQuantity=quantity(2.1, "mg/dL")),
        {
            "resourceType": "DiagnosticReport",
            "id": "rep1",
            "status": "final",
            "code": concept(LOINC, "11502-2", "Laboratory report"),
            "subject": ref("Patient/p1"),
            "effectiveDateTime": "2020-03-03T06:00:00Z",
            "issued": "2020-03-03T12:00:00Z",
            "result": [ref("Observation/undated")],
            "conclusion": "Kidney function is poor.",
            "specimen": [ref("Specimen/sp1")],
        },
        {"resourceType": "Specimen", "id": "sp1", "type": concept(SNOMED, "119297000", "Blood specimen"), "subject": ref("Patient/p1")},
        {"resourceType": "Specimen", "id": "sp2", "status": "unsatisfactory", "type": concept(SNOMED, "119297000"), "subject": ref("Patient/p1")},
        observation(
            "variant",
            "69548-6",
            specimen=ref("Specimen/sp1"),
            valueCodeableConcept=concept(LOINC, "LA9633-4"),
            component=[
                {"code": concept(LOINC, "48018-6"), "valueCodeableConcept": concept("http://www.genenames.org/geneId", "HGNC:1097", "BRAF")},
                {"code": concept(LOINC, "48005-3"), "valueCodeableConcept": concept("http://varnomen.hgvs.org", "p.Val600Glu")},
                {"code": concept(LOINC, "81290-9"), "valueCodeableConcept": concept("http://varnomen.hgvs.org", "7:g.140453136A>T")},
                {"code": concept(LOINC, "81258-6"), "valueQuantity": quantity(0.21, "1")},
            ],
        ),
    )
    ward.lines(
        "more.ndjson",
        {
            "resourceType": "Procedure",
            "id": "pr1",
            "status": "completed",
            "code": concept(SNOMED, "80146002", "Appendectomy"),
            "subject": ref("Patient/p1"),
            "performedPeriod": {"start": "2020-03-02T09:00:00Z", "end": "2020-03-02T10:00:00Z"},
        },
        {
            "resourceType": "Procedure",
            "id": "pr2",
            "status": "not-done",
            "code": concept(SNOMED, "80146002"),
            "subject": ref("Patient/p1"),
            "performedDateTime": "2020-03-02",
        },
        {
            "resourceType": "AllergyIntolerance",
            "id": "al1",
            "code": concept(RXNORM, "1191", "Aspirin"),
            "patient": ref("Patient/p1"),
            "recordedDate": "2019-01-01",
            "reaction": [{"severity": "mild", "manifestation": [concept(SNOMED, "271807003", "Rash")]}],
        },
        {"resourceType": "Device", "id": "dev1", "type": concept(SNOMED, "14106009", "Cardiac pacemaker"), "udiCarrier": [{"deviceIdentifier": "UDI-7"}]},
        {
            "resourceType": "DeviceUseStatement",
            "id": "du1",
            "status": "active",
            "subject": ref("Patient/p1"),
            "device": ref("Device/dev1"),
            "recordedOn": "2020-03-04",
        },
        {
            "resourceType": "ImagingStudy",
            "id": "img1",
            "identifier": [{"type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", "ACSN"), "value": "ACC-1"}],
            "status": "available",
            "subject": ref("Patient/p1"),
            "started": "2020-03-02T15:00:00Z",
            "modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "CT"}],
        },
        {
            "resourceType": "Coverage",
            "id": "cov1",
            "status": "active",
            "beneficiary": ref("Patient/p1"),
            "payor": [ref("Organization/o1")],
            "period": {"start": "2020", "end": "2021"},
        },
        {
            "resourceType": "ExplanationOfBenefit",
            "id": "eob1",
            "status": "active",
            "patient": ref("Patient/p1"),
            "created": "2020-03-10",
            "insurer": ref("Organization/o1"),
            "item": [{"sequence": 1, "encounter": [ref("urn:uuid:0c0ffee0-0000-4000-8000-000000000001")]}],
            "total": [{"category": concept("http://terminology.hl7.org/CodeSystem/adjudication", "submitted"), "amount": {"value": 900.5, "currency": "USD"}}],
            "payment": {"amount": {"value": 700, "currency": "USD"}},
        },
        {
            "resourceType": "CarePlan",
            "id": "cp1",
            "status": "active",
            "intent": "plan",
            "category": [
                concept("http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan"),
                concept(SNOMED, "698360004", "Diabetes self management plan"),
            ],
            "subject": ref("Patient/p1"),
            "period": {"start": "2020-03-05"},
        },
        {
            "resourceType": "Goal",
            "id": "g1",
            "lifecycleStatus": "accepted",
            "description": {"text": "walk daily"},
            "subject": ref("Patient/p1"),
            "startDate": "2020-03-05",
        },
        {"resourceType": "EpisodeOfCare", "id": "ep1", "status": "active", "patient": ref("Patient/p1"), "period": {"start": "2020-03-01"}},
        {
            "resourceType": "ResearchSubject",
            "id": "rs1",
            "status": "on-study",
            "individual": ref("Patient/p1"),
            "study": ref("ResearchStudy/x"),
            "period": {"start": "2020-04"},
        },
        {"resourceType": "DiagnosticReport", "id": "doc1", "status": "final", "subject": ref("Patient/p1"), "issued": "2020-03-04", "conclusion": "As ever."},
        {"resourceType": "Task", "id": "t1", "status": "completed"},
        document("doc1", {"contentType": "text/plain; charset=utf-8", "data": encoded("Café: she slept.\n")}),
    )
    ward.text("README.txt", "how this was exported\n")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> plait.Study:
    ward = Ward(tmp_path_factory.mktemp("ward"))
    write_people(ward)
    write_chart(ward)
    write_findings(ward)
    return ward.run()


def rows(study: plait.Study, query: str) -> list[tuple[Any, ...]]:
    return study.connect().execute(query).fetchall()


def test_every_resource_has_a_fate(study: plait.Study) -> None:
    found = fates(study)
    assert all(read == sum(rest) for read, *rest in found.values())
    assert found["Patient", "person"] == (4, 2, 0, 1, 1)
    assert found["Condition", "event"] == (4, 3, 0, 0, 1)
    assert found["Encounter", "visit"] == (2, 1, 0, 0, 1)
    assert found["Medication", "none"][4] == 2  # one contained, one of its own
    assert found["other", "event"] == (3, 0, 0, 0, 3)
    assert reasons(study, "rejected") == {("Patient", "person", "missing_value"): 1}
    ignored = reasons(study, "ignored")
    for expected in (
        ("Patient", "person", "modifier_extension"),
        ("Condition", "event", "entered_in_error"),
        ("Encounter", "visit", "cancelled"),
        ("MedicationRequest", "event", "not_ordered"),
        ("MedicationAdministration", "event", "not_done"),
        ("Immunization", "event", "not_done"),
        ("Procedure", "event", "not_done"),
        ("Observation", "event", "no_value"),
        ("Observation", "event", "data_absent_asked_declined"),
        ("Observation", "event", "preliminary"),
        ("Specimen", "specimen", "unsatisfactory"),
        ("other", "event", "unread_Task"),
        ("other", "event", "unused_file"),
        ("other", "event", "entry_without_resource"),
    ):
        assert ignored[expected] == 1, expected


def test_no_element_is_unaccounted_for(study: plait.Study) -> None:
    assert rows(study, "SELECT file, \"column\" FROM plait.columns WHERE fate = 'unaccounted'") == []


def test_patients_are_known_by_the_identifier_of_the_person_system(study: plait.Study) -> None:
    found = rows(
        study,
        "SELECT person_source_value, gender_source_value, gender_concept_id, race_source_value, race_concept_id, year_of_birth FROM cdm.person ORDER BY 1",
    )
    assert found == [("M1", "M", 8507, "2106-3", 8527, 1960), ("M2", "female", 8532, "2028-9+2106-3", 1546847, 1971)]


def test_a_partial_date_is_a_day_by_rule_and_known_at_the_end_of_what_it_leaves_open(study: plait.Study) -> None:
    assert rows(
        study,
        """SELECT CAST(d.death_date AS VARCHAR), CAST(k.known_time AS DATE)::VARCHAR FROM cdm.death AS d
        INNER JOIN plait.row_meta AS k ON k.table_name = 'death' AND k.row_id = d.person_id""",
    ) == [("2021-01-01", "2021-12-31")]
    assert rows(study, "SELECT CAST(condition_start_date AS VARCHAR) FROM cdm.condition_occurrence WHERE condition_concept_id = 201826") == [("2010-05-01",)]


def test_a_condition_without_a_time_is_of_its_encounter_and_known_at_its_end(study: plait.Study) -> None:
    query = """SELECT c.condition_start_datetime::VARCHAR, k.known_time::VARCHAR FROM cdm.condition_occurrence AS c
    INNER JOIN plait.row_meta AS k ON k.table_name = 'condition_occurrence' AND k.row_id = c.condition_occurrence_id
    WHERE c.condition_source_value = '49727002'"""
    assert rows(study, query) == [("2020-03-01 06:00:00", "2020-03-05 11:00:00")]


def test_references_lead_to_the_encounter_its_practitioner_and_the_organisation(study: plait.Study) -> None:
    visits = rows(study, "SELECT visit_concept_id, provider_id, care_site_id, visit_start_datetime::VARCHAR FROM cdm.visit_occurrence")
    assert visits == [(9201, 1, 1, "2020-03-01 06:00:00")]
    assert rows(study, "SELECT provider_name, npi, care_site_id FROM cdm.provider") == [("Otto Vorb", "99", 1)]
    assert rows(study, "SELECT count(visit_occurrence_id), min(provider_id) FROM cdm.condition_occurrence WHERE condition_concept_id = 201826") == [(1, 1)]
    assert rows(study, "SELECT count(*) FROM plait.notices WHERE kind LIKE 'unknown%' AND kind != 'unknown_unit'") == [(0,)]


def test_the_best_mapped_coding_wins(study: plait.Study) -> None:
    assert rows(study, "SELECT condition_concept_id, condition_source_value FROM cdm.condition_occurrence WHERE condition_start_date < DATE '2020-01-01'") == [
        (201826, "44054006")
    ]


def test_what_was_ruled_out_is_an_observation(study: plait.Study) -> None:
    assert rows(study, "SELECT observation_source_value, qualifier_source_value FROM cdm.observation WHERE qualifier_source_value IS NOT NULL") == [
        ("195967001", "refuted")
    ]


def test_drugs_are_ordered_given_said_and_handed_over(study: plait.Study) -> None:
    found = rows(
        study,
        """SELECT drug_source_value, drug_type_concept_id, quantity, days_supply, refills, sig, drug_exposure_start_date::VARCHAR
        FROM cdm.drug_exposure ORDER BY drug_type_concept_id, drug_exposure_start_date""",
    )
    assert found == [
        ("308136", 32818, 5.0, None, None, None, "2020-03-02"),
        ("314076", 32825, None, 30, None, None, "2020-03-06"),
        ("140", 32827, None, 1, None, None, "2020-03-04"),
        ("314076", 32838, 30.0, 30, 2, "one a day", "2020-03-02"),
        ("her grandmother's tea", 32865, None, None, None, None, "2019-01-01"),
    ]


def test_measurements_have_their_values_ranges_and_times(study: plait.Study) -> None:
    found = rows(
        study,
        """SELECT m.measurement_source_value, m.value_as_number, m.unit_source_value, m.range_low, m.range_high, m.operator_concept_id IS NOT NULL,
        m.value_source_value, m.measurement_datetime::VARCHAR, k.known_time::VARCHAR
        FROM cdm.measurement AS m INNER JOIN plait.row_meta AS k ON k.table_name = 'measurement' AND k.row_id = m.measurement_id
        ORDER BY m.measurement_datetime, m.measurement_source_value""",
    )
    assert found == [
        ("2160-0", 1.9, "mg/dL", 0.6, 1.2, True, "1.9", "2020-03-01 08:00:00", "2020-03-01 11:30:00"),
        ("81258-6", 0.21, "1", None, None, False, "0.21", "2020-03-01 08:00:00", "2020-03-01 08:00:00"),
        ("8462-4", 90.0, "mm[Hg]", None, None, False, "90", "2020-03-01 08:00:00", "2020-03-01 08:00:00"),
        ("8480-6", 150.0, "mm[Hg]", None, None, False, "150", "2020-03-01 08:00:00", "2020-03-01 08:00:00"),
        ("2160-0", 2.1, "mg/dL", None, None, False, "2.1", "2020-03-03 06:00:00", "2020-03-03 12:00:00"),
    ]


def test_a_variant_is_of_its_specimen(study: plait.Study) -> None:
    found = rows(study, "SELECT gene_source_value, chromosome, start_position, reference_allele, alternate_allele, hgvs_p, specimen_id FROM cdm.omics_variant")
    specimen = rows(study, "SELECT specimen_id, specimen_date::VARCHAR FROM cdm.specimen")
    assert specimen == [(found[0][-1], "2020-03-03")]
    assert found[0][:-1] == ("BRAF", "7", 140453136, "A", "T", "p.Val600Glu")


def test_an_allergy_to_a_drug_is_no_exposure(study: plait.Study) -> None:
    found = rows(
        study,
        "SELECT observation_source_value, value_source_value, value_as_concept_id FROM cdm.observation WHERE observation_date = DATE '2019-01-01' ORDER BY 1",
    )
    assert found == [("1191", "1191", 1112807), ("271807003", "mild", None)]


def test_the_rest_of_the_record(study: plait.Study) -> None:
    assert rows(study, "SELECT procedure_source_value, procedure_end_datetime::VARCHAR FROM cdm.procedure_occurrence ORDER BY 1") == [
        ("80146002", "2020-03-02 10:00:00"),
        ("CT", None),
    ]
    assert rows(study, "SELECT device_source_value, unique_device_id FROM cdm.device_exposure") == [("14106009", "UDI-7")]
    assert rows(study, "SELECT payer_plan_period_start_date::VARCHAR, payer_plan_period_end_date::VARCHAR FROM cdm.payer_plan_period") == [
        ("2020-01-01", "2021-12-31")
    ]
    assert rows(study, "SELECT total_charge::DOUBLE, paid_by_payer::DOUBLE FROM cdm.cost") == [(900.5, 700.0)]
    assert rows(study, "SELECT episode_source_value FROM cdm.episode") == [("episode-of-care",)]
    said = {source for (source,) in rows(study, "SELECT observation_source_value FROM cdm.observation")}
    assert {"698360004", "walk daily", "research-subject"} <= said


def test_notes_hold_the_text_that_was_attached(study: plait.Study) -> None:
    assert rows(study, "SELECT note_text FROM cdm.note ORDER BY note_date") == [("Café: she slept.\n",), ("Kidney function is poor.",), ("As ever.",)]


def test_ratios_keep_their_words_and_units(ward: Ward) -> None:
    """One to a number is a titre, which is that number; another ratio is its quotient, in the units of both."""

    def ratio(above: dict[str, object], below: dict[str, object]) -> dict[str, object]:
        return {"valueRatio": {"numerator": above, "denominator": below}}

    said = [
        (ratio({"value": 1}, {"value": 128}), ("128", "{titer}", None, "1:128")),
        (ratio({"value": 1, "code": "1"}, {"value": 640, "comparator": ">"}), ("640", "{titer}", ">", "1:640")),
        (ratio(quantity(5, "mg"), quantity(10, "mL")), ("0.5", "mg/mL", None, "5 mg:10 mL")),
        (ratio({"value": 3}, {"value": 4}), ("0.75", None, None, "3:4")),
        (ratio({"value": 3}, {"value": 0}), (None, None, None, "3:0")),
        ({"valueQuantity": quantity(2, "mg/dL")}, ("2", "mg/dL", None, "2")),
    ]
    ward.lines("Patient.ndjson", patient("p1", "M1"))
    ward.lines("Observation.ndjson", *(observation(str(n), "2160-0", effectiveDateTime=f"2020-03-01T{n:02}:00:00Z", **one) for n, (one, _) in enumerate(said)))
    query = """
    SELECT CAST(value_as_number AS VARCHAR), unit_source_value, operator_concept_id, value_source_value FROM cdm.measurement ORDER BY measurement_datetime
    """
    rows = ward.run().connect().execute(query).fetchall()
    expected = [(number and f"{float(number)}", unit, 4172704 if operator else None, words) for _, (number, unit, operator, words) in said]
    assert rows == expected
