-- One row: a measurement; the number stays as delivered, in the unit as delivered.
SELECT
    row_id AS measurement_id,
    person_id,
    concept_id AS measurement_concept_id,
    CAST(start AS DATE) AS measurement_date,
    start AS measurement_datetime,
    CASE WHEN NOT start_is_date THEN strftime(start, '%H:%M:%S') END AS measurement_time,
    type_concept_id AS measurement_type_concept_id,
    operator_concept_id,
    value_number AS value_as_number,
    value_as_concept_id,
    unit_concept_id,
    range_low,
    range_high,
    provider_id,
    visit_occurrence_id,
    visit_detail_id,
    coalesce(source_value, code) AS measurement_source_value,
    source_concept_id AS measurement_source_concept_id,
    unit AS unit_source_value,
    unit_source_concept_id,
    coalesce(value_text, value_code) AS value_source_value,
    CAST(NULL AS BIGINT) AS measurement_event_id,
    CAST(NULL AS BIGINT) AS meas_event_field_concept_id
FROM event_row
WHERE target_table = 'measurement'
