-- One row: a condition as an event of its start.
SELECT
    CAST(condition_occurrence_id AS BIGINT) AS event_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(condition_concept_id AS BIGINT) AS concept_id,
    CAST(condition_start_date AS DATE) AS start_date,
    condition_start_datetime AS start_time,
    CAST(condition_start_date AS DATE) AS end_date
FROM cdm.condition_occurrence
