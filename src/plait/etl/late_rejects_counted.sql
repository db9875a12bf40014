-- One row: how many records of a file in a shape were rejected after staging, and why.
SELECT
    source,
    file,
    shape,
    reason,
    count(DISTINCT struct_pack(f := file_id, r := record)) AS records
FROM reject
WHERE is_late
GROUP BY source, file, shape, reason
ORDER BY ALL
