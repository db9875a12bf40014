-- One row: how many rows of the index lack something, and how many have the number of another.
SELECT
    count(*) FILTER (row_id IS NULL OR person_id IS NULL OR prediction_time IS NULL) AS nulls,
    count(row_id) - count(DISTINCT row_id) AS twice
FROM covariate_index
