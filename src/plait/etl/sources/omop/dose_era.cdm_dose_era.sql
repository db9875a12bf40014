-- One row: a span of exposure to a daily dose, as the source derived it.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_day(dose_era_start_date) AS start,
    cdm_day(dose_era_end_date) AS "end",
    dose_era_id,
    drug_concept_id,
    unit_concept_id,
    dose_value,
    cdm_day(dose_era_start_date) AS dose_era_start_date,
    cdm_day(dose_era_end_date) AS dose_era_end_date,
    CASE WHEN (SELECT o.derived = 'rebuilt' OR o.remap = 'True' FROM options AS o) THEN 'rebuilt' END AS _ignore
FROM dose_era
