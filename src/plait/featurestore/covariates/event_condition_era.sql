-- One row: an era of a condition, as the CDM has it.
SELECT
    CAST(condition_era_id AS BIGINT) AS event_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(condition_concept_id AS BIGINT) AS concept_id,
    CAST(condition_era_start_date AS DATE) AS start_date,
    CAST(condition_era_end_date AS DATE) AS end_date
FROM cdm.condition_era
