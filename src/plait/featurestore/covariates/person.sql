-- Rows more in covariate_value, one row: what a person is on the index date.
INSERT INTO covariate_value BY NAME
WITH person AS (
    SELECT
        r.row_id,
        r.index_date,
        CAST(p.gender_concept_id AS BIGINT) AS gender,
        CAST(p.race_concept_id AS BIGINT) AS race,
        CAST(p.ethnicity_concept_id AS BIGINT) AS ethnicity,
        CAST(race.concept_id AS BIGINT) AS known_race,
        CAST(ethnicity.concept_id AS BIGINT) AS known_ethnicity,
        CAST(year(r.index_date) - p.year_of_birth AS BIGINT) AS age
    FROM covariate_row AS r
    INNER JOIN cdm.person AS p ON r.person_id = p.person_id
    LEFT JOIN cdm.concept AS race ON p.race_concept_id = race.concept_id AND lower(race.concept_class_id) = 'race'
    LEFT JOIN cdm.concept AS ethnicity ON p.ethnicity_concept_id = ethnicity.concept_id AND lower(ethnicity.concept_class_id) = 'ethnicity'
),

told AS (
    SELECT
        p.row_id,
        a.kind,
        a.analysis_id,
        CASE a.kind
            WHEN 'gender' THEN CASE WHEN p.gender != 0 THEN p.gender END
            WHEN 'age' THEN 1
            WHEN 'age_group' THEN CAST(floor(p.age / 5) AS BIGINT)
            WHEN 'race' THEN p.known_race
            WHEN 'ethnicity' THEN p.known_ethnicity
            WHEN 'index_year' THEN year(p.index_date)
            WHEN 'index_month' THEN month(p.index_date)
            WHEN 'index_year_month' THEN year(p.index_date) * 100 + month(p.index_date)
        END AS code,
        CASE a.kind WHEN 'age' THEN p.age ELSE 1 END AS value
    FROM person AS p
    CROSS JOIN covariate_analysis AS a
    WHERE a.domain_id = 'Demographics'
)

SELECT
    row_id,
    code * 1000 + analysis_id AS covariate_id,
    NULL AS time_id,
    value AS covariate_value
FROM told
WHERE code IS NOT NULL AND value IS NOT NULL;
