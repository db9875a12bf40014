-- One row: a span of time in which a person has a condition, in order of the id.
SELECT
    era_id AS condition_era_id,
    person_id,
    series AS condition_concept_id,
    era_start AS condition_era_start_date,
    era_end AS condition_era_end_date,
    members AS condition_occurrence_count
FROM era
ORDER BY era_id
