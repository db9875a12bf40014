-- One row: a rejected record whose text is to be shown.
INSERT INTO reject
SELECT DISTINCT
    $file_id AS file_id,
    record,
    source,
    file,
    NULL AS shape,
    reject,
    reject_detail,
    FALSE AS is_late
FROM read_parquet($path, hive_partitioning = FALSE)
WHERE reject IS NOT NULL
QUALIFY dense_rank() OVER (PARTITION BY reject, reject_detail ORDER BY record) <= $most
