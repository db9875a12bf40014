-- One row: a condition. As long as its end is not known it ends on the day after its start, as in eras.
SELECT
    CAST(condition_occurrence_id AS BIGINT) AS event_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(condition_concept_id AS BIGINT) AS concept_id,
    CAST(condition_start_date AS DATE) AS start_date,
    condition_start_datetime AS start_time,
    CAST(condition_end_date AS DATE) AS end_date,
    condition_end_datetime AS end_time,
    CAST(condition_start_date AS DATE) + 1 AS open_end,
    CAST(condition_start_date AS DATE) + 1 AS open_end_told
FROM cdm.condition_occurrence
