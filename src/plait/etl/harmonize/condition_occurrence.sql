-- One row: a condition, from its onset to its end.
SELECT
    row_id AS condition_occurrence_id,
    person_id,
    concept_id AS condition_concept_id,
    CAST(start AS DATE) AS condition_start_date,
    start AS condition_start_datetime,
    CAST("end" AS DATE) AS condition_end_date,
    "end" AS condition_end_datetime,
    type_concept_id AS condition_type_concept_id,
    status_concept_id AS condition_status_concept_id,
    stop_reason,
    provider_id,
    visit_occurrence_id,
    visit_detail_id,
    coalesce(source_value, code) AS condition_source_value,
    source_concept_id AS condition_source_concept_id,
    status AS condition_status_source_value
FROM event_row
WHERE target_table = 'condition_occurrence'
