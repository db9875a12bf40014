-- Rows more in covariate_value, one row: a concept with a concept as its value in a window. The id is FeatureExtraction's
-- hash: 20 bits of the concept and 22 of its value, each by Knuth's multiplier. Two pairs that share an id are told apart
-- by nobody: by OHDSI's clock ($drop) only the pair of the least concept and the least value is kept, as OHDSI does.
CREATE OR REPLACE TEMP TABLE covariate_pair AS
WITH pair AS (
    SELECT
        row_id,
        concept_id,
        value_concept_id,
        start_day
    FROM covariate_event
    WHERE concept_id != 0 AND value_concept_id != 0
    GROUP BY ALL
)

SELECT
    e.row_id,
    ((e.concept_id * 2654435769 // 4096) & 1048575) * 4194304000
    + ((e.value_concept_id * 2654435769 // 1024) & 4194303) * 1000 + a.analysis_id AS covariate_id,
    a.analysis_id,
    a.time_id,
    e.concept_id,
    e.value_concept_id,
    max(e.start_day) AS last_day
FROM pair AS e
INNER JOIN covariate_analysis AS a
    ON a.kind = $kind AND a.table_name = $table AND e.start_day <= a.end_day AND (a.start_day IS NULL OR e.start_day >= a.start_day)
GROUP BY ALL;

INSERT INTO covariate_value BY NAME
WITH kept AS (
    SELECT
        covariate_id,
        min(concept_id) AS concept_id,
        min(value_concept_id) AS value_concept_id
    FROM covariate_pair
    GROUP BY covariate_id
)

SELECT
    p.row_id,
    p.covariate_id,
    p.time_id,
    1 AS covariate_value,
    max(p.last_day) AS last_day
FROM covariate_pair AS p
INNER JOIN kept AS k ON p.covariate_id = k.covariate_id
WHERE NOT CAST($drop AS BOOLEAN) OR (p.concept_id = k.concept_id AND p.value_concept_id = k.value_concept_id)
GROUP BY ALL;

INSERT INTO covariate_code
SELECT DISTINCT
    $kind,
    $table,
    covariate_id - analysis_id AS code,
    concept_id,
    value_concept_id AS other_concept_id
FROM covariate_pair;
