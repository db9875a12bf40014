-- One row: a fate (staged, rejected, ignored), its reason, and how many records of a staged file have it.
-- A record with several rows has the best of their fates.
WITH fated AS (
    SELECT
        record,
        CASE WHEN reject IS NOT NULL THEN 2 WHEN "ignore" IS NOT NULL THEN 3 ELSE 1 END AS fate,
        coalesce(reject, "ignore") AS reason
    FROM read_parquet($path, hive_partitioning = FALSE)
),

best AS (
    SELECT
        record,
        min(fate) AS fate,
        arg_min(reason, (fate, reason)) AS reason
    FROM fated
    GROUP BY record
)

SELECT
    CASE fate WHEN 1 THEN 'staged' WHEN 2 THEN 'rejected' ELSE 'ignored' END AS fate,
    CASE WHEN fate > 1 THEN reason END AS reason,
    count(*) AS records
FROM best
GROUP BY ALL
ORDER BY ALL
