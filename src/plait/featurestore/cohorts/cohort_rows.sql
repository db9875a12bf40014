-- One row: a row of a cohort that OHDSI's tools have made, in order.
SELECT
    subject_id,
    cohort_start_date,
    cohort_end_date
FROM cdm.cohort
WHERE cohort_definition_id = $id
ORDER BY subject_id, cohort_start_date, cohort_end_date
