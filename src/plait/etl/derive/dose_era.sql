-- One row: a span of time in which a person is exposed to one daily dose of an ingredient, in order of the id.
SELECT
    era_id AS dose_era_id,
    person_id,
    series.ingredient_concept_id AS drug_concept_id,
    series.unit_concept_id AS unit_concept_id,
    series.dose AS dose_value,
    era_start AS dose_era_start_date,
    era_end AS dose_era_end_date
FROM era
ORDER BY era_id
