-- One row: a visit. CDM 5.3 has other names for where a person came from and went to. A visit without an end ends when it
-- begins, as CDM 5.4 requires an end.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_time(visit_start_date, visit_start_datetime) AS start,
    cdm_time(visit_end_date, visit_end_datetime) AS "end",
    visit_occurrence_id,
    visit_concept_id,
    coalesce(cdm_day(visit_start_date), cdm_day(visit_start_datetime)) AS visit_start_date,
    visit_start_datetime,
    coalesce(cdm_day(visit_end_date), cdm_day(visit_end_datetime), cdm_day(visit_start_date), cdm_day(visit_start_datetime)) AS visit_end_date,
    visit_end_datetime,
    visit_type_concept_id,
    provider_id,
    care_site_id,
    visit_source_value,
    visit_source_concept_id,
    coalesce(admitted_from_concept_id, admitting_source_concept_id) AS admitted_from_concept_id,
    coalesce(admitted_from_source_value, admitting_source_value) AS admitted_from_source_value,
    coalesce(discharged_to_concept_id, discharge_to_concept_id) AS discharged_to_concept_id,
    coalesce(discharged_to_source_value, discharge_to_source_value) AS discharged_to_source_value,
    preceding_visit_occurrence_id
FROM visit_occurrence
