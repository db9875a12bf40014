-- One row: a period of cover by a payer. As long as its end is not known it goes on.
SELECT
    CAST(payer_plan_period_id AS BIGINT) AS event_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(0 AS BIGINT) AS concept_id,
    CAST(payer_plan_period_start_date AS DATE) AS start_date,
    CAST(payer_plan_period_end_date AS DATE) AS end_date,
    DATE '9999-12-31' AS open_end,
    DATE '9999-12-31' AS open_end_told
FROM cdm.payer_plan_period
