-- One row: a condition of a standard concept with its dates. Without an end it ends on the day after its start, and an
-- end before the start counts as the start (the first is the rule of OHDSI's script for CONDITION_ERA).
SELECT
    person_id,
    condition_concept_id AS series,
    condition_start_date AS start,
    greatest(coalesce(condition_end_date, condition_start_date + 1), condition_start_date) AS "end",
    'condition_occurrence' AS from_table,
    condition_occurrence_id AS from_row_id
FROM condition_occurrence
WHERE condition_concept_id != 0 AND condition_start_date IS NOT NULL
