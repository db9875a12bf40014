-- One row: a measurement; the number stays as delivered, in the unit as delivered.
SELECT
    e.row_id AS measurement_id,
    e.person_id,
    e.concept_id AS measurement_concept_id,
    CAST(e.start AS DATE) AS measurement_date,
    e.start AS measurement_datetime,
    CASE WHEN NOT e.start_is_date THEN strftime(e.start, '%H:%M:%S') END AS measurement_time,
    e.type_concept_id AS measurement_type_concept_id,
    e.operator_concept_id,
    e.value_number AS value_as_number,
    e.value_as_concept_id,
    e.unit_concept_id,
    e.range_low,
    e.range_high,
    e.provider_id,
    e.visit_occurrence_id,
    e.visit_detail_id,
    coalesce(e.source_value, e.code) AS measurement_source_value,
    e.source_concept_id AS measurement_source_concept_id,
    e.unit AS unit_source_value,
    e.unit_source_concept_id,
    coalesce(e.value_text, e.value_code) AS value_source_value,
    d.condition_occurrence_id AS measurement_event_id,
    d.field_concept_id AS meas_event_field_concept_id
FROM event_row AS e
LEFT JOIN disease_row AS d ON e.person_id = d.person_id AND e.system = d.system AND e.modifies = d.episode
WHERE e.target_table = 'measurement'
ORDER BY e.row_id
