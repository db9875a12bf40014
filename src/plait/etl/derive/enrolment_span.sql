-- One row: a span of a person's cover by a payer.
SELECT
    person_id,
    0 AS series,
    payer_plan_period_start_date AS start,
    greatest(coalesce(payer_plan_period_end_date, payer_plan_period_start_date), payer_plan_period_start_date) AS "end",
    'payer_plan_period' AS from_table,
    payer_plan_period_id AS from_row_id
FROM payer_plan_period
