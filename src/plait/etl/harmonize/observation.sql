-- One row: an observation.
SELECT
    row_id AS observation_id,
    person_id,
    concept_id AS observation_concept_id,
    CAST(start AS DATE) AS observation_date,
    start AS observation_datetime,
    type_concept_id AS observation_type_concept_id,
    value_number AS value_as_number,
    CASE WHEN value_number IS NULL THEN value_text END AS value_as_string,
    value_as_concept_id,
    modifier_concept_id AS qualifier_concept_id,
    unit_concept_id,
    provider_id,
    visit_occurrence_id,
    visit_detail_id,
    coalesce(source_value, code) AS observation_source_value,
    source_concept_id AS observation_source_concept_id,
    unit AS unit_source_value,
    modifier AS qualifier_source_value,
    coalesce(value_text, value_code) AS value_source_value,
    CAST(NULL AS BIGINT) AS observation_event_id,
    CAST(NULL AS BIGINT) AS obs_event_field_concept_id
FROM event_row
WHERE target_table = 'observation'
