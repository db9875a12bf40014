-- One row: a group of the persons who are exported, by sex, by age at the last record, and by the years that they were observed.
WITH span AS (
    SELECT
        o.person_id,
        max(o.observation_period_end_date) AS seen,
        sum(date_diff('day', o.observation_period_start_date, o.observation_period_end_date)) / 365.25 AS years
    FROM cdm.observation_period AS o
    GROUP BY o.person_id
),

person AS (
    SELECT
        p.person_id,
        coalesce(c.concept_name, 'unknown') AS sex,
        year(s.seen) - p.year_of_birth AS age,
        s.years
    FROM cdm.person AS p
    SEMI JOIN pseudonym AS x ON p.person_id = x.person_id
    LEFT JOIN span AS s ON p.person_id = s.person_id
    LEFT JOIN cdm.concept AS c ON p.gender_concept_id = c.concept_id AND c.concept_id <> 0
),

grouped AS (
    SELECT
        'sex' AS breakdown,
        sex AS category
    FROM person
    UNION ALL
    SELECT
        'age at the last record' AS breakdown,
        CASE
            WHEN age IS NULL THEN 'unknown' WHEN age >= 90 THEN '90 and older'
            ELSE printf('%02d to %02d', CAST(age // 10 * 10 AS INTEGER), CAST(age // 10 * 10 + 9 AS INTEGER))
        END AS category
    FROM person
    UNION ALL
    SELECT
        'years observed' AS breakdown,
        CASE
            WHEN years IS NULL THEN 'none' WHEN years < 1 THEN 'less than 1' WHEN years < 5 THEN '1 to 5' WHEN years < 10 THEN '5 to 10'
            ELSE '10 and more'
        END AS category
    FROM person
)

SELECT
    breakdown,
    category,
    count(*) AS persons
FROM grouped
GROUP BY breakdown, category
ORDER BY breakdown, category
