-- One row: a span in which a person belongs to a cohort.
SELECT
    _pointer,
    coalesce(cdm_id(subject_id), subject_id) AS person,
    cohort_start_date AS start,
    cohort_end_date AS "end",
    cohort_definition_id,
    subject_id,
    cohort_start_date,
    cohort_end_date
FROM cohort
