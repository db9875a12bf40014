-- One row: a drug exposure as an event of its start.
SELECT
    CAST(drug_exposure_id AS BIGINT) AS event_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(drug_concept_id AS BIGINT) AS concept_id,
    CAST(drug_exposure_start_date AS DATE) AS start_date,
    drug_exposure_start_datetime AS start_time,
    CAST(drug_exposure_start_date AS DATE) AS end_date
FROM cdm.drug_exposure
