-- One row: an analysis that was computed, with its window and its kind of feature, in order of the number.
SELECT
    analysis_id,
    analysis_name,
    domain_id,
    feature,
    temporal,
    CASE WHEN NOT temporal THEN start_day END AS start_day,
    CASE WHEN NOT temporal THEN end_day END AS end_day,
    CASE WHEN is_binary THEN 'Y' ELSE 'N' END AS is_binary,
    CASE missing_means_zero WHEN TRUE THEN 'Y' WHEN FALSE THEN 'N' END AS missing_means_zero
FROM covariate_analysis
WHERE NOT temporal OR time_id = 1
ORDER BY analysis_id, temporal
