-- One row: a device that a person used; the number is how many.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    40 AS place,
    moment(device_exposure_start_date, device_exposure_start_datetime) AS time,
    device_concept_id AS concept_id,
    device_source_concept_id AS source_concept_id,
    device_source_value AS source_value,
    quantity AS number,
    unit_concept_id,
    unit_source_value,
    moment(device_exposure_end_date, device_exposure_end_datetime) AS end_time,
    known_time,
    visit_occurrence_id AS visit_id,
    device_type_concept_id AS type_concept_id,
    device_exposure_id AS row_id
FROM leaving_device_exposure
