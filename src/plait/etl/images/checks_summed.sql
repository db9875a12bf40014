-- One row: what was found of files, how many there are, and their bytes.
SELECT
    status,
    count(*) AS files,
    CAST(coalesce(sum(coalesce(size_bytes, indexed_bytes)), 0) AS BIGINT) AS size_bytes
FROM checked
GROUP BY status
ORDER BY list_position(['verified', 'not_checked', 'moved', 'changed', 'missing', 'unreadable'], status)
