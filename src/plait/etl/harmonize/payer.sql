-- payer_row, one row: a span of cover with its row id.
CREATE OR REPLACE TEMP TABLE payer_row AS
SELECT
    person_id * 4194304 + row_number() OVER (PARTITION BY person_id ORDER BY start, source, digest, part) - 1 AS payer_plan_period_id,
    *
FROM live_payer_period
ORDER BY payer_plan_period_id;
