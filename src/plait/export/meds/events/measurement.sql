-- One row: a measurement with its number, or else with what was found in words.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    50 AS place,
    moment(measurement_date, measurement_datetime) AS time,
    measurement_concept_id AS concept_id,
    measurement_source_concept_id AS source_concept_id,
    measurement_source_value AS source_value,
    value_as_number AS number,
    CASE WHEN value_as_number IS NULL THEN value_source_value END AS text_value,
    value_as_concept_id AS value_concept_id,
    unit_concept_id,
    unit_source_value,
    operator_concept_id AS modifier_concept_id,
    known_time,
    visit_occurrence_id AS visit_id,
    measurement_type_concept_id AS type_concept_id,
    measurement_id AS row_id
FROM leaving_measurement
