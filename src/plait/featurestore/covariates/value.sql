-- Rows more in covariate_value, one row: the last value in a window, by concept and unit; of several on one day the
-- least. A value without a unit has no covariate.
CREATE OR REPLACE TEMP TABLE covariate_daily AS
SELECT
    row_id,
    concept_id,
    unit_concept_id,
    start_day,
    min(value) AS value
FROM covariate_event
WHERE concept_id != 0 AND value IS NOT NULL AND unit_concept_id IS NOT NULL
GROUP BY ALL;

INSERT INTO covariate_value BY NAME
WITH latest AS (
    SELECT
        row_id,
        concept_id,
        unit_concept_id,
        max(start_day) AS last_start,
        arg_max(value, start_day) AS value
    FROM covariate_daily
    WHERE start_day <= CAST($end_day AS INTEGER)
    GROUP BY ALL
)

SELECT
    e.row_id,
    e.concept_id * 1000000 + e.unit_concept_id % 1000 * 1000 + a.analysis_id AS covariate_id,
    NULL AS time_id,
    e.value AS covariate_value,
    e.last_start AS last_day
FROM latest AS e
INNER JOIN covariate_analysis AS a
    ON a.kind = $kind AND a.table_name = $table AND a.time_id IS NULL AND (a.start_day IS NULL OR e.last_start >= a.start_day)
UNION ALL
SELECT
    e.row_id,
    e.concept_id * 1000000 + e.unit_concept_id % 1000 * 1000 + a.analysis_id AS covariate_id,
    a.time_id,
    arg_max(e.value, e.start_day) AS covariate_value,
    max(e.start_day) AS last_day
FROM covariate_daily AS e
INNER JOIN covariate_analysis AS a
    ON a.kind = $kind AND a.table_name = $table AND a.time_id IS NOT NULL AND e.start_day BETWEEN a.start_day AND a.end_day
GROUP BY e.row_id, e.concept_id, e.unit_concept_id, a.analysis_id, a.time_id;

INSERT INTO covariate_code
SELECT DISTINCT
    $kind,
    $table,
    concept_id * 1000000 + unit_concept_id % 1000 * 1000 AS code,
    concept_id,
    unit_concept_id AS other_concept_id
FROM covariate_daily;
