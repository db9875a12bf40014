-- One row: a person's death, or what it was of.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    98 AS place,
    moment(death_date, death_datetime) AS time,
    'MEDS_DEATH' AS fixed_code,
    NULL AS concept_id,
    NULL AS source_concept_id,
    NULL AS source_value,
    known_time,
    death_type_concept_id AS type_concept_id,
    person_id AS row_id
FROM leaving_death
UNION ALL
SELECT
    person_id,
    99,
    moment(death_date, death_datetime),
    NULL,
    cause_concept_id,
    cause_source_concept_id,
    cause_source_value,
    known_time,
    death_type_concept_id,
    person_id AS row_id
FROM leaving_death
WHERE cause_concept_id != 0 OR cause_source_concept_id != 0 OR cause_source_value IS NOT NULL
