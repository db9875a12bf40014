-- covariate_row, one row: an index row with the day of its prediction time.
CREATE OR REPLACE TEMP TABLE covariate_row AS
SELECT
    CAST(row_id AS BIGINT) AS row_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(prediction_time AS TIMESTAMP) AS prediction_time,
    CAST(prediction_time AS DATE) AS index_date,
    CAST(cohort_end_date AS DATE) AS cohort_end_date
FROM covariate_index;
