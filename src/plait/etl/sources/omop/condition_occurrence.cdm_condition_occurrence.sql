-- One row: a condition.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_time(condition_start_date, condition_start_datetime) AS start,
    cdm_time(condition_end_date, condition_end_datetime) AS "end",
    condition_occurrence_id,
    condition_concept_id,
    coalesce(cdm_day(condition_start_date), cdm_day(condition_start_datetime)) AS condition_start_date,
    condition_start_datetime,
    coalesce(cdm_day(condition_end_date), cdm_day(condition_end_datetime)) AS condition_end_date,
    condition_end_datetime,
    condition_type_concept_id,
    condition_status_concept_id,
    stop_reason,
    provider_id,
    visit_occurrence_id,
    visit_detail_id,
    condition_source_value,
    condition_source_concept_id,
    condition_status_source_value
FROM condition_occurrence
