-- One row: a measurement as an event of its day, with its value, unit and range: 1 below, 2 within, 3 above, none
-- without both limits. A measurement without a number counts as within, as FeatureExtraction has it.
SELECT
    CAST(measurement_id AS BIGINT) AS event_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(measurement_concept_id AS BIGINT) AS concept_id,
    CAST(measurement_date AS DATE) AS start_date,
    measurement_datetime AS start_time,
    CAST(value_as_number AS DOUBLE) AS value,
    CAST(unit_concept_id AS BIGINT) AS unit_concept_id,
    CAST(value_as_concept_id AS BIGINT) AS value_concept_id,
    CASE
        WHEN range_low IS NULL OR range_high IS NULL THEN NULL
        WHEN value_as_number < range_low THEN 1
        WHEN value_as_number > range_high THEN 3
        ELSE 2
    END AS range_group
FROM cdm.measurement
