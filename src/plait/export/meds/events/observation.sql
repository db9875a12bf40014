-- One row: an observation with its number, or else with what was observed in words.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    60 AS place,
    moment(observation_date, observation_datetime) AS time,
    observation_concept_id AS concept_id,
    observation_source_concept_id AS source_concept_id,
    observation_source_value AS source_value,
    value_as_number AS number,
    coalesce(value_as_string, CASE WHEN value_as_number IS NULL THEN value_source_value END) AS text_value,
    value_as_concept_id AS value_concept_id,
    unit_concept_id,
    unit_source_value,
    qualifier_concept_id AS modifier_concept_id,
    qualifier_source_value AS modifier_source_value,
    known_time,
    visit_occurrence_id AS visit_id,
    observation_type_concept_id AS type_concept_id,
    observation_id AS row_id
FROM leaving_observation
