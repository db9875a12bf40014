-- One row: how many records of a file in a shape were rejected after staging, and why.
SELECT
    source,
    file,
    shape,
    reason,
    count(DISTINCT (file_id, record)) AS records
FROM reject
WHERE is_late
GROUP BY source, file, shape, reason
ORDER BY ALL
