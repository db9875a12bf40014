-- covariate_span, one row: a condition that an era is made of.
CREATE OR REPLACE TEMP TABLE covariate_span AS
SELECT
    row_id,
    concept_id,
    start_day,
    end_day
FROM covariate_event;
