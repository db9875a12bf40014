-- Rows more in covariate_value, one row: days of observation before or after the index date, or in the cohort.
INSERT INTO covariate_value BY NAME
SELECT
    o.row_id,
    1000 + a.analysis_id AS covariate_id,
    NULL AS time_id,
    CASE a.kind WHEN 'prior_observation' THEN -o.start_day ELSE o.end_day END AS covariate_value
FROM covariate_observed AS o
INNER JOIN covariate_analysis AS a ON a.kind IN ('prior_observation', 'post_observation')
UNION ALL
SELECT
    r.row_id,
    1000 + a.analysis_id,
    NULL,
    r.cohort_end_date - r.index_date
FROM covariate_row AS r
INNER JOIN covariate_analysis AS a ON a.kind = 'time_in_cohort'
WHERE r.cohort_end_date IS NOT NULL;
