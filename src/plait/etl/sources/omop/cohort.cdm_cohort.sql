-- One row: a span in which a person belongs to a cohort.
SELECT
    _pointer,
    coalesce(cdm_id(subject_id), subject_id) AS person,
    cdm_day(cohort_start_date) AS start,
    cdm_day(cohort_end_date) AS "end",
    cohort_definition_id,
    subject_id,
    cdm_day(cohort_start_date) AS cohort_start_date,
    cdm_day(cohort_end_date) AS cohort_end_date
FROM cohort
