-- Rows more in covariate_unparsed, one row: an index row, an analysis, a window and a concept with values in the window that
-- cannot be read and none that can.
INSERT INTO covariate_unparsed
SELECT DISTINCT
    u.row_id,
    a.analysis_id,
    a.temporal,
    a.time_id,
    u.concept_id
FROM covariate_unread AS u
INNER JOIN covariate_analysis AS a
    ON a.kind = $kind AND a.table_name = $table AND u.start_day <= a.end_day AND (a.start_day IS NULL OR u.start_day >= a.start_day)
WHERE NOT EXISTS (
    SELECT 1
    FROM covariate_daily AS d
    WHERE
        d.row_id = u.row_id AND d.concept_id = u.concept_id AND d.start_day <= a.end_day AND (a.start_day IS NULL OR d.start_day >= a.start_day)
);
