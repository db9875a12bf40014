-- covariate_event, one row: an era of what was known at the prediction time of an index row, in place of the events that
-- it is made of: a span joins the era before it if at most $gap days lie between (as plait.etl.derive has it, by row).
CREATE OR REPLACE TEMP TABLE covariate_event AS
WITH reached AS (
    SELECT
        row_id,
        concept_id,
        start_day,
        end_day,
        max(end_day) OVER (PARTITION BY row_id, concept_id ORDER BY start_day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach
    FROM covariate_span
    WHERE concept_id != 0
),

member AS (
    SELECT
        *,
        max(CASE WHEN reach IS NULL OR start_day > reach + CAST($gap AS INTEGER) THEN start_day END) OVER (
            PARTITION BY row_id, concept_id ORDER BY start_day RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS era_start
    FROM reached
)

SELECT
    row_id,
    concept_id,
    era_start AS start_day,
    max(end_day) AS end_day
FROM member
GROUP BY row_id, concept_id, era_start;
