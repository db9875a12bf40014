-- One row: a file that is not where or what it was, the first of each status.
SELECT
    status,
    source,
    uri,
    moved_to
FROM checked
WHERE status IN ('changed', 'missing', 'moved', 'unreadable')
QUALIFY row_number() OVER (PARTITION BY status ORDER BY source, uri) <= $most
ORDER BY status, source, uri
