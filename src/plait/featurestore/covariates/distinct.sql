-- Rows more in covariate_value, one row: how many concepts have an event in a window; read as in `concept`.
INSERT INTO covariate_value BY NAME
SELECT
    e.row_id,
    1000 + a.analysis_id AS covariate_id,
    NULL AS time_id,
    count(*) AS covariate_value,
    max(e.last_start) AS last_day
FROM covariate_reach AS e
INNER JOIN covariate_analysis AS a
    ON a.kind = $kind AND a.table_name = $table AND a.time_id IS NULL
WHERE a.start_day IS NULL OR CASE a.moment WHEN 'start' THEN e.last_start ELSE e.last_end END >= a.start_day
GROUP BY ALL
UNION ALL
SELECT
    e.row_id,
    1000 + a.analysis_id AS covariate_id,
    a.time_id,
    count(DISTINCT e.concept_id) AS covariate_value,
    max(e.start_day) AS last_day
FROM covariate_event AS e
INNER JOIN covariate_analysis AS a
    ON a.kind = $kind AND a.table_name = $table AND a.time_id IS NOT NULL
    AND e.start_day <= a.end_day AND CASE a.moment WHEN 'start' THEN e.start_day ELSE e.end_day END >= a.start_day
WHERE e.concept_id != 0
GROUP BY ALL;
