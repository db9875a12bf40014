-- One row: a drug exposure. As long as its end is not known it ends after its days of supply: by the rule for eras
-- (open_end), or as plait's own ETL sets the end of an exposure that none was delivered for (open_end_told).
SELECT
    CAST(drug_exposure_id AS BIGINT) AS event_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(drug_concept_id AS BIGINT) AS concept_id,
    CAST(drug_exposure_start_date AS DATE) AS start_date,
    drug_exposure_start_datetime AS start_time,
    CAST(drug_exposure_end_date AS DATE) AS end_date,
    drug_exposure_end_datetime AS end_time,
    CAST(drug_exposure_start_date AS DATE) + CASE WHEN days_supply > 0 THEN CAST(days_supply AS INTEGER) ELSE 1 END AS open_end,
    CAST(drug_exposure_start_date AS DATE) + greatest(CAST(coalesce(days_supply, 1) AS INTEGER) - 1, 0) AS open_end_told
FROM cdm.drug_exposure
