-- One row: what was noticed of the records of a staged file that are left out, and of how many files it tells.
SELECT
    flag,
    CAST(sum(coalesce(instances, 1)) AS BIGINT) AS records
FROM read_parquet($path, hive_partitioning = FALSE)
WHERE "ignore" IS NOT NULL AND flag IS NOT NULL
GROUP BY flag
ORDER BY flag
