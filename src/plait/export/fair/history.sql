-- One row: a source of the study, with its files and the hash over theirs, in order of their names.
SELECT
    source,
    count(*) AS file_count,
    sha256(string_agg(coalesce(sha256, ''), '' ORDER BY path, file)) AS digest
FROM plait.files
GROUP BY source
ORDER BY source
