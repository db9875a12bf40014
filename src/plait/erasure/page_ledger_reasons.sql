-- One row: a reason by which records went no further, and how many did; of the run whose version is changed, as it is now.
WITH summed AS (
    SELECT run_id, source, file, shape, fate, reason, records
    FROM page
    UNION ALL
    SELECT $run, source, file, shape, fate, reason, records
    FROM reason_difference
)

SELECT
    run_id,
    source,
    file,
    shape,
    fate,
    reason,
    CAST(sum(records) AS BIGINT) AS records
FROM summed
GROUP BY run_id, source, file, shape, fate, reason
HAVING sum(records) > 0
ORDER BY run_id, source, file, shape, fate DESC, reason
