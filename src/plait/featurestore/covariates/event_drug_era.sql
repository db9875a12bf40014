-- One row: an era of a drug's ingredient, as the CDM has it.
SELECT
    CAST(drug_era_id AS BIGINT) AS event_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(drug_concept_id AS BIGINT) AS concept_id,
    CAST(drug_era_start_date AS DATE) AS start_date,
    CAST(drug_era_end_date AS DATE) AS end_date
FROM cdm.drug_era
