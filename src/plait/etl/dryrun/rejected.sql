-- One row: a reason by which records of a staged file are rejected, the column that it is about, and how many they are.
SELECT
    reject,
    reject_detail,
    count(DISTINCT record) AS records
FROM read_parquet($path, hive_partitioning = FALSE)
WHERE reject IS NOT NULL
GROUP BY ALL
ORDER BY records DESC, reject, reject_detail
