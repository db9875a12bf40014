-- One row: a specimen, an event of the day on which it was taken.
SELECT
    CAST(specimen_id AS BIGINT) AS event_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(specimen_concept_id AS BIGINT) AS concept_id,
    CAST(specimen_date AS DATE) AS start_date,
    specimen_datetime AS start_time
FROM cdm.specimen
