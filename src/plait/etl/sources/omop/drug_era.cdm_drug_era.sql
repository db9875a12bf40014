-- One row: a span of exposure to an ingredient, as the source derived it.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_day(drug_era_start_date) AS start,
    cdm_day(drug_era_end_date) AS "end",
    drug_era_id,
    drug_concept_id,
    cdm_day(drug_era_start_date) AS drug_era_start_date,
    cdm_day(drug_era_end_date) AS drug_era_end_date,
    drug_exposure_count,
    gap_days,
    CASE WHEN (SELECT o.derived = 'rebuilt' OR o.remap = 'True' FROM options AS o) THEN 'rebuilt' END AS _ignore
FROM drug_era
