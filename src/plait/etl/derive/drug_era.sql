-- One row: a span of time in which a person is exposed to an ingredient, in order of the id.
SELECT
    era_id AS drug_era_id,
    person_id,
    series AS drug_concept_id,
    era_start AS drug_era_start_date,
    era_end AS drug_era_end_date,
    members AS drug_exposure_count,
    gap_days
FROM era
ORDER BY era_id
