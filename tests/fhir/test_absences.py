"""What a record says was not done, or has no value, becomes a reason: by its status, its data-absent-reason, and the state of its specimen."""

from __future__ import annotations

import csv
import datetime as dt
import json
from importlib.resources import files
from typing import Any

import plait
from plait.schema.reasons import SAID_BY_SOURCES
from shell import command
from tiny_fhir import LOINC, RXNORM, SNOMED, Ward, concept, fates, observation, patient, quantity, reasons, ref

DAR = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
REFUSED = concept(SNOMED, "105480006", "Refusal of treatment by patient")
VISIT = {
    "resourceType": "Encounter",
    "id": "v1",
    "status": "finished",
    "class": {"code": "AMB"},
    "subject": ref("Patient/p1"),
    "period": {"start": "2020-03-01T07:00:00Z", "end": "2020-03-01T12:00:00Z"},
}
at = dt.datetime  # local time, as OMOP has it
WRITTEN = {"lastUpdated": "2020-04-01T10:00:00Z"}


def of(kind: str, key: str, **more: object) -> dict[str, Any]:
    """Give a resource of the first patient."""
    whose = "patient" if kind == "Immunization" else "subject"
    return {"resourceType": kind, "id": key, whose: ref("Patient/p1")} | more


def absences(study: plait.Study, *columns: str) -> list[tuple[Any, ...]]:
    """Give the rows of `plait.absence`."""
    rows: list[tuple[Any, ...]] = study.connect().execute(f"SELECT {', '.join(columns)} FROM plait.absence ORDER BY ALL").fetchall()  # noqa: S608 - our own names
    return rows


def test_statuses_become_reasons(ward: Ward) -> None:
    lisinopril = {"medicationCodeableConcept": concept(RXNORM, "314076")}
    ward.lines("Patient.ndjson", patient("p1", "M1"))
    ward.lines("Encounter.ndjson", VISIT)
    ward.lines(
        "Procedure.ndjson",
        of("Procedure", "1", status="not-done", code=concept(SNOMED, "73761001", "Colonoscopy"), performedDateTime="2020-01-01T10:00:00Z"),
        of("Procedure", "2", status="not-done", code=concept(SNOMED, "73761001"), encounter=ref("Encounter/v1"), statusReason=REFUSED),
        of("Procedure", "3", status="completed", code=concept(SNOMED, "73761001"), performedDateTime="2020-01-03"),
        of("Procedure", "4", status="on-hold", code=concept(SNOMED, "73761001"), performedDateTime="2020-01-04"),
        of("Procedure", "5", status="entered-in-error", code=concept(SNOMED, "73761001"), performedDateTime="2020-01-05"),
        of("Procedure", "6", status="not-done", code=concept(SNOMED, "73761001")),
    )
    ward.lines(
        "Immunization.ndjson",
        of("Immunization", "1", status="not-done", vaccineCode=concept("http://hl7.org/fhir/sid/cvx", "140"), occurrenceDateTime="2020-02")
        | {"statusReason": concept(ACT_REASON, "RELIG"), "recorded": "2020-02-10"},
        of("Immunization", "2", status="completed", vaccineCode=concept("http://hl7.org/fhir/sid/cvx", "140"), occurrenceDateTime="2020-02-02"),
    )
    ward.lines(
        "drugs.ndjson",
        of("MedicationAdministration", "1", status="not-done", effectiveDateTime="2020-03-01T08:00:00Z", **lisinopril)
        | {"statusReason": [concept("https://ward.example/why", "asleep"), concept(SNOMED, "182895007")]},
        of("MedicationAdministration", "2", status="completed", effectiveDateTime="2020-03-01T09:00:00Z", **lisinopril),
        of("MedicationStatement", "1", status="not-taken", effectiveDateTime="2020-03-02", dateAsserted="2020-03-04", **lisinopril),
        of("MedicationStatement", "2", status="intended", effectiveDateTime="2020-03-02", **lisinopril),
        of("MedicationDispense", "1", status="declined", context=ref("Encounter/v1"), **lisinopril),
        of("MedicationDispense", "2", status="cancelled", whenPrepared="2020-03-06", **lisinopril),
        of("MedicationRequest", "1", status="cancelled", intent="order", authoredOn="2020-03-07T09:00:00Z", meta=WRITTEN, **lisinopril),
        of("MedicationRequest", "2", status="cancelled", intent="order", authoredOn="2020-03-07T09:00:00Z", **lisinopril),
        of("MedicationRequest", "3", status="active", intent="order", authoredOn="2020-03-07T09:00:00Z", doNotPerform=True, **lisinopril),
        of("MedicationRequest", "4", status="stopped", intent="order", authoredOn="2020-03-08T09:00:00Z", **lisinopril),
    )
    study = ward.run()

    assert absences(study, "absence_datetime", "known_time", "source_value", "domain_id", "reason") == [
        (at(2020, 1, 1, 10), at(2020, 1, 1, 10), "73761001", "Procedure", "NOT_PERFORMED"),
        (at(2020, 2, 1), at(2020, 2, 10, 23, 59, 59, 999999), "140", "Drug", "DECLINED"),
        (at(2020, 3, 1, 7), at(2020, 3, 1, 12), "314076", "Drug", "NOT_PERFORMED"),
        (at(2020, 3, 1, 7), at(2020, 3, 1, 12), "73761001", "Procedure", "DECLINED"),
        (at(2020, 3, 1, 8), at(2020, 3, 1, 8), "314076", "Drug", "DECLINED"),
        (at(2020, 3, 2), at(2020, 3, 4, 23, 59, 59, 999999), "314076", "Drug", "NOT_PERFORMED"),
        (at(2020, 3, 7, 9), at(2020, 4, 1, 10), "314076", "Drug", "NOT_PERFORMED"),
    ]
    assert {(file, counts) for (file, shape), counts in fates(study).items() if shape == "absence" and file != "Observation"} == {
        ("Procedure", (6, 2, 0, 0, 4)),
        ("Immunization", (2, 1, 0, 0, 1)),
        ("MedicationAdministration", (2, 1, 0, 0, 1)),
        ("MedicationStatement", (2, 1, 0, 0, 1)),
        ("MedicationDispense", (2, 1, 0, 0, 1)),
        ("MedicationRequest", (4, 1, 0, 0, 3)),
    }
    left = reasons(study, "ignored")
    assert {(file, rule) for (file, shape, rule) in left if shape == "absence" and file.startswith("MedicationR")} == {
        ("MedicationRequest", "unknown_time"),
        ("MedicationRequest", "not_to_be_done"),
        ("MedicationRequest", "done"),
    }
    assert left["Procedure", "absence", "entered_in_error"] == left["Procedure", "absence", "not_completed"] == left["Procedure", "absence", "done"] == 1
    assert left["Procedure", "event", "not_done"] == 3
    assert left["Procedure", "absence", "unknown_time"] == 1  # nothing says when it was not done
    con = study.connect()
    assert con.execute("SELECT count(*) FROM cdm.procedure_occurrence").fetchone() == (1,)
    assert (
        con.execute("SELECT DISTINCT concept_id FROM plait.absence WHERE source_value = '314076'").fetchall()
        == con.execute("SELECT DISTINCT drug_concept_id FROM cdm.drug_exposure WHERE drug_source_value = '314076'").fetchall()
    )


REASONS: list[tuple[dict[str, Any], str | None]] = [
    (concept(DAR, "not-performed"), "NOT_PERFORMED"),
    ({"coding": [{"code": "not-performed"}]}, "NOT_PERFORMED"),
    (concept(DAR, "asked-declined"), "DECLINED"),
    (concept(DAR, "not-applicable"), "NOT_APPLICABLE"),
    (concept(DAR, "masked"), "WITHHELD"),
    (concept(DAR, "error"), "UNPARSED"),
    (concept(DAR, "not-a-number"), "UNPARSED"),
    (concept(DAR, "unsupported"), "NOT_CAPTURED"),
    (concept("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "MSK"), "WITHHELD"),
    (concept("http://terminology.hl7.org/CodeSystem/v2-0490", "QS"), "NO_MATERIAL"),
    ({"coding": [{"system": "https://lab.example", "code": "17"}, {"system": DAR, "code": "not-performed"}]}, "NOT_PERFORMED"),
    (concept(DAR, "unknown"), None),
    (concept(DAR, "temp-unknown"), None),
    (concept("https://lab.example", "not-performed"), None),
    ({"text": "the machine was broken"}, None),
]


def test_data_absent_reasons(ward: Ward) -> None:
    """One observation an hour, each with a reason of its own."""
    ward.lines("Patient.ndjson", patient("p1", "M1"))
    hours = range(len(REASONS))
    ward.lines(
        "Observation.ndjson",
        *(observation(str(n), "2160-0", effectiveDateTime=f"2020-03-01T{n:02}:00:00Z", dataAbsentReason=REASONS[n][0]) for n in hours),
    )
    study = ward.run()
    expected = [(n, 3016723, "Measurement", REASONS[n][1]) for n in hours if REASONS[n][1] is not None]
    assert absences(study, "hour(absence_datetime)", "concept_id", "domain_id", "reason") == expected
    assert fates(study)["Observation", "absence"] == (15, 11, 0, 0, 4)
    assert fates(study)["Observation", "event"] == (15, 0, 0, 0, 15)
    left = reasons(study, "ignored")
    assert {rule: count for (file, shape, rule), count in left.items() if (file, shape) == ("Observation", "absence")} == {
        "data_absent_unknown": 1,
        "data_absent_temp_unknown": 1,
        "data_absent_not_performed": 1,
        "data_absent": 1,
    }
    assert study.connect().execute("SELECT count(*) FROM cdm.measurement").fetchone() == (0,)


def test_reasons_are_those_that_a_source_may_give() -> None:
    file = files("plait.etl.sources.fhir") / "absence_reasons.csv"
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    assert {row["reason"] for row in rows} <= {"", *(reason.name for reason in SAID_BY_SOURCES)}
    assert len({(row["code_system"], row["code"]) for row in rows}) == len(rows)


def test_a_record_has_a_fate_in_each_shape(ward: Ward) -> None:
    """Of one blood pressure a part was measured and a part was not; a value is no absence, and a panel of values is none either."""
    part = [
        {"code": concept(LOINC, "8480-6"), "valueQuantity": quantity(120, "mm[Hg]")},
        {"code": concept(LOINC, "8462-4"), "dataAbsentReason": concept(DAR, "not-performed")},
        {"code": concept(LOINC, "2160-0"), "dataAbsentReason": concept(DAR, "unknown")},
    ]
    ward.lines("Patient.ndjson", patient("p1", "M1"))
    ward.lines(
        "Observation.ndjson",
        observation("mixed", "85354-9", component=part),
        observation("value", "2160-0", valueQuantity=quantity(0.9, "mg/dL"), effectiveDateTime="2020-03-02T08:00:00Z"),
        observation("values", "85354-9", component=part[:1], effectiveDateTime="2020-03-03T08:00:00Z"),
        observation("nothing", "85354-9", effectiveDateTime="2020-03-04T08:00:00Z"),
        observation("off", "2160-0", status="cancelled", effectiveDateTime="2020-03-05T08:00:00Z", issued="2020-03-06T08:00:00Z"),
        observation("later", "2160-0", status="registered", effectiveDateTime="2020-03-06T08:00:00Z"),
        observation("odd", "2160-0", valueQuantity=quantity(1, "mg/dL"), dataAbsentReason=concept(DAR, "error"), effectiveDateTime="2020-03-07T08:00:00Z"),
    )
    study = ward.run()
    assert absences(study, "absence_datetime", "known_time", "source_value", "reason") == [
        (at(2020, 3, 1, 8), at(2020, 3, 1, 8), "8462-4", "NOT_PERFORMED"),
        (at(2020, 3, 5, 8), at(2020, 3, 6, 8), "2160-0", "NOT_PERFORMED"),
    ]
    assert fates(study)["Observation", "absence"] == (7, 2, 0, 0, 5)
    assert fates(study)["Observation", "event"] == (7, 4, 0, 0, 3)
    left = reasons(study, "ignored")
    assert {rule: records for (file, shape, rule), records in left.items() if (file, shape) == ("Observation", "absence")} == {
        "value_is_there": 3,
        "no_value": 1,
        "registered": 1,
    }
    written = study.connect().execute("SELECT written FROM plait.ledger WHERE file = 'Observation' AND shape = 'absence'").fetchone()
    assert written == (2,)


def test_a_specimen_that_cannot_be_used(ward: Ward) -> None:
    kind = concept(SNOMED, "119297000", "Blood specimen")
    ward.lines("Patient.ndjson", patient("p1", "M1"))
    ward.lines(
        "Specimen.ndjson",
        of(
            "Specimen", "bad", status="unsatisfactory", type=kind, receivedTime="2020-03-01T12:00:00Z", collection={"collectedDateTime": "2020-03-01T08:00:00Z"}
        ),
        of("Specimen", "good", status="available", type=kind, collection={"collectedDateTime": "2020-03-01T08:00:00Z"}),
    )
    absent = {"dataAbsentReason": concept(DAR, "error")}
    ward.lines(
        "Observation.ndjson",
        observation("1", "2160-0", specimen=ref("Specimen/bad"), **absent),
        observation("2", "2160-0", specimen=ref("Specimen/good"), effectiveDateTime="2020-03-02T08:00:00Z", **absent),
        observation("3", "2160-0", specimen=ref("Specimen/bad"), effectiveDateTime="2020-03-03T08:00:00Z", status="cancelled"),
        observation("4", "2160-0", specimen=ref("Specimen/bad"), effectiveDateTime="2020-03-04T08:00:00Z", dataAbsentReason=concept(DAR, "asked-declined")),
    )
    study = ward.run()
    assert absences(study, "absence_datetime", "domain_id", "source_value", "reason") == [
        (at(2020, 3, 1, 8), "Measurement", "2160-0", "NO_MATERIAL"),
        (at(2020, 3, 1, 8), "Specimen", "119297000", "NO_MATERIAL"),
        (at(2020, 3, 2, 8), "Measurement", "2160-0", "UNPARSED"),
        (at(2020, 3, 3, 8), "Measurement", "2160-0", "NO_MATERIAL"),
        (at(2020, 3, 4, 8), "Measurement", "2160-0", "DECLINED"),
    ]
    assert fates(study)["Specimen", "specimen"] == (2, 1, 0, 0, 1)
    assert fates(study)["Specimen", "absence"] == (2, 1, 0, 0, 1)


def test_orders_and_reports_that_were_called_off(ward: Ward) -> None:
    """An order gives a reason only when it is known that it was called off: an order that stands is no record of anything."""
    scan = {"code": concept(SNOMED, "73761001"), "intent": "order"}
    ward.lines("Patient.ndjson", patient("p1", "M1"))
    ward.lines("Encounter.ndjson", VISIT)
    ward.lines(
        "ServiceRequest.ndjson",
        of("ServiceRequest", "1", status="revoked", authoredOn="2020-02-01T10:00:00Z", occurrenceDateTime="2020-02-03", meta=WRITTEN, **scan),
        of("ServiceRequest", "2", status="revoked", authoredOn="2020-03-01T08:00:00Z", encounter=ref("Encounter/v1"), **scan),
        of("ServiceRequest", "3", status="revoked", authoredOn="2020-03-01T08:00:00Z", **scan),
        of("ServiceRequest", "4", status="active", authoredOn="2020-03-01T08:00:00Z", **scan),
        of("ServiceRequest", "5", status="revoked", authoredOn="2020-03-01T08:00:00Z", meta=WRITTEN, **(scan | {"intent": "plan"})),
    )
    report = {"code": concept(LOINC, "2160-0"), "effectiveDateTime": "2020-03-04T08:00:00Z"}
    ward.lines(
        "DiagnosticReport.ndjson",
        of("DiagnosticReport", "1", status="cancelled", issued="2020-03-05T08:00:00Z", **report),
        of("DiagnosticReport", "2", status="final", **report),
    )
    study = ward.run()
    assert absences(study, "absence_datetime", "known_time", "source_value", "domain_id", "reason") == [
        (at(2020, 2, 3), at(2020, 4, 1, 10), "73761001", "Procedure", "NOT_PERFORMED"),
        (at(2020, 3, 1, 8), at(2020, 3, 1, 12), "73761001", "Procedure", "NOT_PERFORMED"),
        (at(2020, 3, 4, 8), at(2020, 3, 5, 8), "2160-0", "Measurement", "NOT_PERFORMED"),
    ]
    assert fates(study)["ServiceRequest", "absence"] == (5, 2, 0, 0, 3)
    left = reasons(study, "ignored")
    assert {rule for (file, _, rule) in left if file == "ServiceRequest"} == {"unknown_time", "ordered", "not_ordered"}


def test_the_record_behind_an_absence_is_shown(ward: Ward) -> None:
    ward.lines("Patient.ndjson", patient("p1", "M1"))
    ward.lines("labs/Observation.ndjson", observation("1", "2160-0", dataAbsentReason=concept(DAR, "not-performed")))
    study = ward.run()
    [(absence,)] = absences(study, "absence_id")
    shown = command("etl", "trace", "absence", str(absence), "--json", "-s", str(ward.path))
    assert shown.code == 0, shown.err
    told = json.loads(shown.out)
    assert told["row"]["reason"] == "NOT_PERFORMED"
    assert told["records"][0]["raw"]["_place"] == "labs/Observation.ndjson:1"
    assert told["mapping"][0]["target_concept_id"] == told["row"]["concept_id"] == 3016723
    missing = command("etl", "trace", "absence", "1", "-s", str(ward.path))
    assert missing.code == 1
    assert "plait.absence" in missing.err


def test_a_changed_patient_alone_is_computed_again(ward: Ward) -> None:
    ward.lines("Patient.ndjson", patient("p1", "M1"), patient("p2", "M2"))
    said = observation("2", "2160-0", subject=ref("Patient/p2"), dataAbsentReason=concept(DAR, "not-performed"))
    ward.lines("Observation.ndjson", observation("1", "2160-0", dataAbsentReason=concept(DAR, "not-performed")), said)
    before = absences(ward.run(), "person_id", "absence_id", "reason")
    changed = observation("1", "2160-0", dataAbsentReason=concept(DAR, "asked-declined"))
    ward.lines("Observation.ndjson", changed, said)
    report = plait.open(ward.path).run_etl(threads=2)
    assert [(one.added, one.changed, one.removed) for one in report.sources] == [(0, 1, 0)]
    study = plait.open(ward.path)
    assert absences(study, "person_id", "absence_id", "reason") == [(*before[0][:2], "DECLINED"), before[1]]
    incremental = study.digest()
    assert incremental["absence"]
    study.run_etl(threads=2, full=True)
    assert plait.open(ward.path).digest() == incremental
