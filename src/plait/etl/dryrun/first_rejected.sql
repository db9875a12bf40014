-- One row: one of the first records that are rejected for a reason.
SELECT DISTINCT
    reject,
    reject_detail,
    record
FROM read_parquet($path, hive_partitioning = FALSE)
WHERE reject IS NOT NULL
QUALIFY dense_rank() OVER (PARTITION BY reject, reject_detail ORDER BY record) <= $most
ORDER BY reject, reject_detail, record
