-- One row: a person's birth, or what is always true of the person and has no time: sex, race, ethnicity.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    0 AS place,
    born(year_of_birth, month_of_birth, day_of_birth, birth_datetime) AS time,
    'MEDS_BIRTH' AS fixed_code,
    NULL AS concept_id,
    NULL AS source_concept_id,
    NULL AS source_value,
    person_id AS row_id
FROM leaving_person
UNION ALL
SELECT
    person_id,
    1,
    NULL,
    NULL,
    gender_concept_id,
    gender_source_concept_id,
    gender_source_value,
    person_id AS row_id
FROM leaving_person
WHERE gender_concept_id != 0 OR gender_source_concept_id != 0 OR gender_source_value IS NOT NULL
UNION ALL
SELECT
    person_id,
    2,
    NULL,
    NULL,
    race_concept_id,
    race_source_concept_id,
    race_source_value,
    person_id AS row_id
FROM leaving_person
WHERE race_concept_id != 0 OR race_source_concept_id != 0 OR race_source_value IS NOT NULL
UNION ALL
SELECT
    person_id,
    3,
    NULL,
    NULL,
    ethnicity_concept_id,
    ethnicity_source_concept_id,
    ethnicity_source_value,
    person_id AS row_id
FROM leaving_person
WHERE ethnicity_concept_id != 0 OR ethnicity_source_concept_id != 0 OR ethnicity_source_value IS NOT NULL
