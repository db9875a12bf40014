-- One row: a device as an event of its start.
SELECT
    CAST(device_exposure_id AS BIGINT) AS event_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(device_concept_id AS BIGINT) AS concept_id,
    CAST(device_exposure_start_date AS DATE) AS start_date,
    device_exposure_start_datetime AS start_time,
    CAST(device_exposure_start_date AS DATE) AS end_date
FROM cdm.device_exposure
