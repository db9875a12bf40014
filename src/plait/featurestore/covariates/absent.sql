-- Rows more in covariate_absent, one row: an index row, an analysis, a window and a concept without a value in the window, and the latest
-- absence of it there that had happened and, by the clock `known`, was known at the moment; of two equally late, the one whose reason
-- comes first in $priority.
INSERT INTO covariate_absent
WITH said AS (
    SELECT
        r.row_id,
        s.absence_id,
        s.concept_id,
        s.absence_datetime AS event_time,
        greatest(s.absence_datetime, s.known_time) AS known_time,
        s.reason,
        CAST(CAST(s.absence_datetime AS DATE) - r.index_date AS INTEGER) AS start_day
    FROM covariate_row AS r
    INNER JOIN covariate_absence AS s ON r.person_id = s.person_id
    WHERE s.concept_id != 0 AND (NOT CAST($known AS BOOLEAN) OR greatest(s.absence_datetime, s.known_time) <= r.prediction_time)
)

SELECT
    s.row_id,
    a.analysis_id,
    a.temporal,
    a.time_id,
    s.concept_id,
    s.reason,
    s.absence_id,
    s.event_time,
    s.known_time
FROM said AS s
INNER JOIN covariate_analysis AS a
    ON a.kind = $kind AND a.table_name = $table AND s.start_day <= a.end_day AND (a.start_day IS NULL OR s.start_day >= a.start_day)
WHERE NOT EXISTS (
    SELECT 1
    FROM covariate_daily AS d
    WHERE
        d.row_id = s.row_id AND d.concept_id = s.concept_id AND d.start_day <= a.end_day AND (a.start_day IS NULL OR d.start_day >= a.start_day)
)
QUALIFY
    row_number() OVER (
        PARTITION BY s.row_id, a.analysis_id, a.temporal, a.time_id, s.concept_id
        ORDER BY s.event_time DESC, s.known_time DESC, list_position(CAST($priority AS VARCHAR[]), s.reason), s.absence_id
    ) = 1;
