-- One row: a source of the study, and the hash over those of its files, in order of their names.
SELECT
    source,
    sha256(string_agg(coalesce(sha256, ''), '' ORDER BY path, file)) AS digest
FROM plait.files
GROUP BY source
ORDER BY source
