-- One row: an observation.
SELECT
    e.row_id AS observation_id,
    e.person_id,
    e.concept_id AS observation_concept_id,
    CAST(e.start AS DATE) AS observation_date,
    e.start AS observation_datetime,
    e.type_concept_id AS observation_type_concept_id,
    e.value_number AS value_as_number,
    CASE WHEN e.value_number IS NULL THEN e.value_text END AS value_as_string,
    e.value_as_concept_id,
    e.modifier_concept_id AS qualifier_concept_id,
    e.unit_concept_id,
    e.provider_id,
    e.visit_occurrence_id,
    e.visit_detail_id,
    coalesce(e.source_value, e.code) AS observation_source_value,
    e.source_concept_id AS observation_source_concept_id,
    e.unit AS unit_source_value,
    e.modifier AS qualifier_source_value,
    coalesce(e.value_text, e.value_code) AS value_source_value,
    d.condition_occurrence_id AS observation_event_id,
    d.field_concept_id AS obs_event_field_concept_id
FROM event_row AS e
LEFT JOIN disease_row AS d ON e.person_id = d.person_id AND e.system = d.system AND e.modifies = d.episode
WHERE e.target_table = 'observation'
ORDER BY e.row_id
