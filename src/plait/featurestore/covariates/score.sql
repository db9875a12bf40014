-- Rows more in covariate_value, one row: a score: the sum over its categories of the greatest weight found in each. A
-- score with terms of age or sex has a row for every person.
INSERT INTO covariate_value BY NAME
WITH found AS (
    SELECT
        e.row_id,
        s.score,
        s.category,
        max(s.weight) AS weight,
        max(e.last_start) AS last_day
    FROM covariate_reach AS e
    INNER JOIN covariate_score AS s ON e.concept_id = s.concept_id
    GROUP BY ALL
    UNION ALL
    SELECT
        r.row_id,
        t.score,
        t.category,
        max(
            CASE
                WHEN t.how = 'age_from' AND year(r.index_date) - p.year_of_birth >= CAST(t.term AS INTEGER) THEN t.weight
                WHEN t.how = 'gender' AND CAST(p.gender_concept_id AS VARCHAR) = t.term THEN t.weight
                ELSE 0
            END
        ) AS weight,
        NULL AS last_day
    FROM covariate_row AS r
    INNER JOIN cdm.person AS p ON r.person_id = p.person_id
    INNER JOIN covariate_term AS t ON t.how IN ('age_from', 'gender')
    GROUP BY ALL
)

SELECT
    f.row_id,
    1000 + a.analysis_id AS covariate_id,
    NULL AS time_id,
    CAST(sum(f.weight) AS DOUBLE) AS covariate_value,
    max(f.last_day) AS last_day
FROM found AS f
INNER JOIN covariate_analysis AS a ON f.score = a.score
GROUP BY f.row_id, a.analysis_id;
