"""mCODE's profiles become conditions, measurements that modify them, and episodes (OMOP Oncology)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tiny_fhir import SNOMED, Ward, concept, observation, patient, quantity, ref

if TYPE_CHECKING:
    import plait

MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-"


def profile(name: str) -> dict[str, Any]:
    return {"meta": {"profile": [MCODE + name]}}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> plait.Study:
    ward = Ward(tmp_path_factory.mktemp("mcode"))
    cancer = {"resourceType": "Condition", "subject": ref("Patient/p1"), "verificationStatus": {"coding": [{"code": "confirmed"}]}}
    about = {"focus": [ref("Condition/primary")], "category": []}
    ward.bundle(
        "oncology.json",
        {"resource": patient("p1", "M1")},
        {"resource": cancer | profile("primary-cancer-condition") | {"id": "primary", "code": concept(SNOMED, "93761005"), "onsetDateTime": "2019-01-05"}},
        {
            "resource": cancer
            | profile("secondary-cancer-condition")
            | {
                "id": "secondary",
                "code": concept(SNOMED, "94381002"),
                "onsetDateTime": "2020-02-01",
                "extension": [{"url": MCODE + "condition-related", "valueReference": ref("Condition/primary")}],
            }
        },
        {"resource": observation("stage", "21908-9", valueCodeableConcept=concept("http://cancerstaging.org", "IIA"), **about, **profile("tnm-stage-group"))},
        {"resource": observation("marker", "2039-6", valueQuantity=quantity(7.5, "ng/mL"), **about, **profile("tumor-marker-test"))},
        {"resource": observation("ecog", "89247-1", valueInteger=1, category=[], **profile("ecog-performance-status"))},
        {
            "resource": profile("radiotherapy-course-summary")
            | {
                "resourceType": "Procedure",
                "id": "course",
                "status": "completed",
                "code": concept(SNOMED, "1217123003", "Radiotherapy course of treatment"),
                "subject": ref("Patient/p1"),
                "reasonReference": [ref("Condition/primary")],
                "performedPeriod": {"start": "2019-03-01", "end": "2019-04-12"},
            }
        },
        kind="collection",
    )
    return ward.run()


def test_a_cancer_its_metastasis_and_its_radiotherapy_are_episodes(study: plait.Study) -> None:
    found = study.connect().execute(
        """SELECT e.episode_source_value, e.episode_concept_id, e.episode_start_date::VARCHAR, e.episode_end_date::VARCHAR, p.episode_source_value
        FROM cdm.episode AS e LEFT JOIN cdm.episode AS p ON e.episode_parent_id = p.episode_id ORDER BY e.episode_start_date"""
    )
    assert found.fetchall() == [
        ("primary-cancer-condition", 32528, "2019-01-05", None, None),
        ("radiotherapy-course", 32531, "2019-03-01", "2019-04-12", "primary-cancer-condition"),
        ("secondary-cancer-condition", 32944, "2020-02-01", None, "primary-cancer-condition"),
    ]


def test_the_conditions_and_the_procedure_are_events_of_their_episodes(study: plait.Study) -> None:
    found = study.connect().execute(
        """SELECT e.episode_source_value, coalesce(c.condition_source_value, p.procedure_source_value)
        FROM cdm.episode_event AS v
        INNER JOIN cdm.episode AS e USING (episode_id)
        LEFT JOIN cdm.condition_occurrence AS c ON v.episode_event_field_concept_id = 1147127 AND v.event_id = c.condition_occurrence_id
        LEFT JOIN cdm.procedure_occurrence AS p ON v.episode_event_field_concept_id = 1147082 AND v.event_id = p.procedure_occurrence_id ORDER BY 1"""
    )
    assert found.fetchall() == [("primary-cancer-condition", "93761005"), ("radiotherapy-course", "1217123003"), ("secondary-cancer-condition", "94381002")]


def test_a_stage_and_a_marker_modify_the_cancer_and_a_performance_status_does_not(study: plait.Study) -> None:
    found = study.connect().execute(
        """SELECT m.measurement_source_value, m.value_source_value, m.value_as_number, c.condition_source_value
        FROM cdm.measurement AS m LEFT JOIN cdm.condition_occurrence AS c
        ON m.measurement_event_id = c.condition_occurrence_id AND m.meas_event_field_concept_id = 1147127 ORDER BY 1"""
    )
    assert found.fetchall() == [("2039-6", "7.5", 7.5, "93761005"), ("21908-9", "IIA", None, "93761005"), ("89247-1", "1", 1.0, None)]
