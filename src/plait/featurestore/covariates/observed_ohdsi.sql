-- covariate_observed, one row: an index row and an observation period around its date, in days from it.
CREATE OR REPLACE TEMP TABLE covariate_observed AS
SELECT
    r.row_id,
    CAST(CAST(o.observation_period_start_date AS DATE) - r.index_date AS INTEGER) AS start_day,
    CAST(CAST(o.observation_period_end_date AS DATE) - r.index_date AS INTEGER) AS end_day
FROM covariate_row AS r
INNER JOIN cdm.observation_period AS o ON r.person_id = o.person_id
WHERE o.observation_period_start_date <= r.index_date AND o.observation_period_end_date >= r.index_date;
