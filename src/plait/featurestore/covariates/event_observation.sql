-- One row: an observation of its day, with its value and unit.
SELECT
    CAST(observation_id AS BIGINT) AS event_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(observation_concept_id AS BIGINT) AS concept_id,
    CAST(observation_date AS DATE) AS start_date,
    observation_datetime AS start_time,
    CAST(value_as_number AS DOUBLE) AS value,
    CAST(unit_concept_id AS BIGINT) AS unit_concept_id,
    CAST(value_as_concept_id AS BIGINT) AS value_concept_id,
    CAST(NULL AS INTEGER) AS range_group
FROM cdm.observation
