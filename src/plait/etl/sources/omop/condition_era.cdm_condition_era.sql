-- One row: a span of a condition, as the source derived it.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_day(condition_era_start_date) AS start,
    cdm_day(condition_era_end_date) AS "end",
    condition_era_id,
    condition_concept_id,
    cdm_day(condition_era_start_date) AS condition_era_start_date,
    cdm_day(condition_era_end_date) AS condition_era_end_date,
    condition_occurrence_count,
    CASE WHEN (SELECT o.derived = 'rebuilt' OR o.remap = 'True' FROM options AS o) THEN 'rebuilt' END AS _ignore
FROM condition_era
