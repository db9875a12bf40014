-- Rejects found by comparing records: a record as its shard named it, at its places in the files.
INSERT INTO reject
SELECT DISTINCT
    s.file_id,
    s.record,
    s.source,
    s.file,
    r.shape,
    r.reason,
    CAST(NULL AS VARCHAR) AS detail,
    TRUE AS is_late
FROM staged_pointer AS s
INNER JOIN person_reject AS r ON s.source = r.source AND s.file = r.file AND s.shape = r.shape AND s.digest = r.digest;
