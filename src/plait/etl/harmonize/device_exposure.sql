-- One row: a device or supply that a person was given.
SELECT
    row_id AS device_exposure_id,
    person_id,
    concept_id AS device_concept_id,
    CAST(start AS DATE) AS device_exposure_start_date,
    start AS device_exposure_start_datetime,
    CAST("end" AS DATE) AS device_exposure_end_date,
    "end" AS device_exposure_end_datetime,
    type_concept_id AS device_type_concept_id,
    unique_device AS unique_device_id,
    CAST(NULL AS VARCHAR) AS production_id,
    CAST(quantity AS BIGINT) AS quantity,
    provider_id,
    visit_occurrence_id,
    visit_detail_id,
    coalesce(source_value, code) AS device_source_value,
    source_concept_id AS device_source_concept_id,
    unit_concept_id,
    unit AS unit_source_value,
    unit_source_concept_id
FROM event_row
WHERE target_table = 'device_exposure'
