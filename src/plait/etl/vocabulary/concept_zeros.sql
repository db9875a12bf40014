-- One row: how often the id of "No matching concept" stands in the concepts at $path.
SELECT COUNT(*) AS times
FROM read_parquet($path, hive_partitioning = FALSE)
WHERE concept_id = $zero
