-- Rows more in covariate_value, one row: how many events lie in a window, of all concepts or (count_by_concept) of one.
INSERT INTO covariate_value BY NAME
SELECT
    e.row_id,
    CASE a.kind WHEN 'count' THEN 1 ELSE e.concept_id END * 1000 + a.analysis_id AS covariate_id,
    a.time_id,
    count(*) AS covariate_value,
    max(e.start_day) AS last_day
FROM covariate_event AS e
INNER JOIN covariate_analysis AS a
    ON a.kind = $kind AND a.table_name = $table AND e.start_day <= a.end_day
    AND CASE a.moment WHEN 'start' THEN e.start_day ELSE e.end_day END >= a.start_day
WHERE e.concept_id != 0
GROUP BY ALL;
