-- One row: a group of the persons who are exported, by one or two of what they are grouped by; NULL stands for what a row is not grouped by, and
-- `breakdown` tells by what it is.
WITH span AS (
    SELECT
        o.person_id,
        max(o.observation_period_end_date) AS seen,
        sum(date_diff('day', o.observation_period_start_date, o.observation_period_end_date)) / 365.25 AS years
    FROM cdm.observation_period AS o
    GROUP BY o.person_id
),

described AS (
    SELECT
        p.person_id,
        coalesce(x.concept_name, 'unknown') AS sex,
        coalesce(r.concept_name, 'unknown') AS race,
        coalesce(e.concept_name, 'unknown') AS ethnicity,
        coalesce(CAST(n.new_id AS VARCHAR), 'unknown') AS care_site,
        year(s.seen) - p.year_of_birth AS age,
        s.years
    FROM cdm.person AS p
    SEMI JOIN pseudonym AS leaving ON p.person_id = leaving.person_id
    LEFT JOIN span AS s ON p.person_id = s.person_id
    LEFT JOIN cdm.concept AS x ON p.gender_concept_id = x.concept_id AND x.concept_id <> 0
    LEFT JOIN cdm.concept AS r ON p.race_concept_id = r.concept_id AND r.concept_id <> 0
    LEFT JOIN cdm.concept AS e ON p.ethnicity_concept_id = e.concept_id AND e.concept_id <> 0
    LEFT JOIN new_care_site AS n ON p.care_site_id = n.id
),

person AS (
    SELECT
        sex,
        race,
        ethnicity,
        care_site,
        CASE
            WHEN age IS NULL THEN 'unknown' WHEN age >= 90 THEN '90 and older'
            ELSE printf('%02d to %02d', CAST(age // 10 * 10 AS INTEGER), CAST(age // 10 * 10 + 9 AS INTEGER))
        END AS age,
        CASE
            WHEN years IS NULL THEN 'none' WHEN years < 1 THEN 'less than 1' WHEN years < 5 THEN '1 to 5' WHEN years < 10 THEN '5 to 10'
            ELSE '10 and more'
        END AS years
    FROM described
)

SELECT
    CASE
        WHEN grouping(sex) = 0 AND grouping(age) = 0 THEN 'sex and age at the last record'
        WHEN grouping(sex) = 0 THEN 'sex' WHEN grouping(age) = 0 THEN 'age at the last record' WHEN grouping(race) = 0 THEN 'race'
        WHEN grouping(ethnicity) = 0 THEN 'ethnicity' WHEN grouping(care_site) = 0 THEN 'care site' ELSE 'years observed'
    END AS breakdown,
    concat_ws(', ', sex, age, race, ethnicity, care_site, years) AS category,
    sex,
    age,
    count(*) AS persons
FROM person
GROUP BY GROUPING SETS ((sex), (age), (sex, age), (race), (ethnicity), (care_site), (years))
ORDER BY breakdown, category
