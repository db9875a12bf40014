-- One row: a person's sex, and day of birth; the middle of what is not told.
SELECT
    p.person_id,
    c.concept_code AS sex,
    coalesce(
        CAST(p.birth_datetime AS DATE),
        make_date(p.year_of_birth, coalesce(p.month_of_birth, 7), coalesce(p.day_of_birth, CASE WHEN p.month_of_birth IS NULL THEN 1 ELSE 15 END))
    ) AS born
FROM cdm.person AS p
LEFT JOIN cdm.concept AS c ON p.gender_concept_id = c.concept_id AND c.vocabulary_id = 'Gender'
ORDER BY p.person_id
