-- covariate_observed, one row: an index row whose person was under observation at the prediction time, and since which
-- day, as known by then: a period of the CDM that had begun and was known, and was not known to be over.
CREATE OR REPLACE TEMP TABLE covariate_observed AS
SELECT
    r.row_id,
    min(CAST(CAST(o.observation_period_start_date AS DATE) - r.index_date AS INTEGER)) AS start_day,
    0 AS end_day
FROM covariate_row AS r
INNER JOIN cdm.observation_period AS o ON r.person_id = o.person_id
LEFT JOIN covariate_meta AS m ON m.table_name = 'observation_period' AND o.observation_period_id = m.row_id
WHERE
    covariate_happened(CAST(o.observation_period_start_date AS DATE), NULL) <= r.prediction_time
    AND covariate_known(CAST(o.observation_period_start_date AS DATE), NULL, m.known_time) <= r.prediction_time
    AND NOT coalesce(
        o.observation_period_end_date < r.index_date
        AND CASE
            WHEN m.row_id IS NOT NULL THEN m.end_known_time ELSE covariate_known(CAST(o.observation_period_end_date AS DATE), NULL, NULL)
        END <= r.prediction_time,
        FALSE
    )
GROUP BY r.row_id;
