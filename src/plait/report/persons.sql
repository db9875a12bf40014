-- One row: a group of persons, by one of what they are grouped by.
WITH span AS (
    SELECT
        person_id,
        max(observation_period_end_date) AS seen,
        sum(date_diff('day', observation_period_start_date, observation_period_end_date)) / 365.25 AS years
    FROM cdm.observation_period
    GROUP BY person_id
),

described AS (
    SELECT
        coalesce(x.concept_name, 'unknown') AS sex,
        year(s.seen) - p.year_of_birth AS age,
        s.years,
        p.person_id IN (SELECT d.person_id FROM cdm.death AS d) AS is_dead
    FROM cdm.person AS p
    LEFT JOIN span AS s ON p.person_id = s.person_id
    LEFT JOIN cdm.concept AS x ON p.gender_concept_id = x.concept_id AND x.concept_id != 0
),

grouped AS (
    SELECT
        sex,
        CASE
            WHEN age IS NULL THEN 'unknown'
            WHEN age >= 90 THEN '90 and older'
            ELSE printf('%02d to %02d', CAST(age // 10 * 10 AS INTEGER), CAST(age // 10 * 10 + 9 AS INTEGER))
        END AS age,
        CASE
            WHEN years IS NULL THEN '0 none' WHEN years < 1 THEN '1 less than 1' WHEN years < 5 THEN '2 1 to 5'
            WHEN years < 10 THEN '3 5 to 10' ELSE '4 10 and more'
        END AS years,
        CASE WHEN is_dead THEN 'died' ELSE 'no death known' END AS vital
    FROM described
)

SELECT
    CASE
        WHEN grouping(sex) = 0 THEN 'Sex' WHEN grouping(age) = 0 THEN 'Age at the last record' WHEN grouping(years) = 0 THEN 'Years observed'
        ELSE 'Death'
    END AS breakdown,
    coalesce(sex, age, substr(years, 3), vital) AS category,
    count(*) AS persons
FROM grouped
GROUP BY GROUPING SETS ((sex), (age), (years), (vital))
ORDER BY array_position(['Sex', 'Age at the last record', 'Years observed', 'Death'], breakdown), years, category
