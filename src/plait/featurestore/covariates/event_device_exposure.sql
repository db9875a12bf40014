-- One row: a device, an event of the day on which its use begins.
SELECT
    CAST(device_exposure_id AS BIGINT) AS event_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(device_concept_id AS BIGINT) AS concept_id,
    CAST(device_exposure_start_date AS DATE) AS start_date,
    device_exposure_start_datetime AS start_time
FROM cdm.device_exposure
