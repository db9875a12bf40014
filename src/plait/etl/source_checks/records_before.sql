-- One row: a file of a source, and how many records it had.
SELECT
    source,
    file,
    sum(records)::BIGINT AS records
FROM read_parquet($files, hive_partitioning = FALSE)
GROUP BY source, file
