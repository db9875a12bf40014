-- One row: a condition of a person.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    10 AS place,
    moment(condition_start_date, condition_start_datetime) AS time,
    condition_concept_id AS concept_id,
    condition_source_concept_id AS source_concept_id,
    condition_source_value AS source_value,
    stop_reason AS text_value,
    condition_status_concept_id AS modifier_concept_id,
    condition_status_source_value AS modifier_source_value,
    moment(condition_end_date, condition_end_datetime) AS end_time,
    known_time,
    visit_occurrence_id AS visit_id,
    condition_type_concept_id AS type_concept_id,
    condition_occurrence_id AS row_id
FROM leaving_condition_occurrence
