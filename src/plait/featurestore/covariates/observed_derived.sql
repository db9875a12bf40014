-- covariate_observed, one row: an index row whose person was under observation at the prediction time, and since which
-- day: spans with at most $gap days between them are one (all of them without $gap), and the last has not been over for
-- longer. By the rule visits, facts count only of a person without visits.
CREATE OR REPLACE TEMP TABLE covariate_observed AS
WITH counted AS (
    SELECT
        row_id,
        start_day,
        coalesce(end_day, start_day) AS end_day
    FROM covariate_span
    QUALIFY $rule != 'visits' OR is_visit OR NOT bool_or(is_visit) OVER (PARTITION BY row_id)
),

reached AS (
    SELECT
        *,
        max(end_day) OVER (PARTITION BY row_id ORDER BY start_day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach
    FROM counted
)

SELECT
    row_id,
    max(start_day) FILTER (reach IS NULL OR start_day > reach + CAST($gap AS INTEGER)) AS start_day,
    0 AS end_day
FROM reached
GROUP BY row_id
HAVING CAST($gap AS INTEGER) IS NULL OR max(end_day) + CAST($gap AS INTEGER) >= 0;
