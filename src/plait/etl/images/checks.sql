-- to_check, one row: a file of an image, and what the last check found of it; where it was indexed anew since, that is forgotten.
CREATE OR REPLACE TABLE to_check AS
SELECT DISTINCT
    i.source,
    f.uri,
    f.size_bytes AS indexed_bytes,
    f.mtime_ns AS indexed_ns,
    c.size_bytes,
    c.mtime_ns,
    c.sha256,
    c.status,
    c.moved_to,
    c.checked_at
FROM plait.image_file AS f
INNER JOIN plait.image_item AS i ON f.image_occurrence_id = i.image_occurrence_id
LEFT JOIN last_check AS c
    ON
        i.source = c.source
        AND f.uri = c.uri
        AND f.size_bytes IS NOT DISTINCT FROM c.indexed_bytes
        AND f.mtime_ns IS NOT DISTINCT FROM c.indexed_ns
ORDER BY i.source, f.uri;

-- checked, one row: a file of an image, and what this check found of it.
CREATE OR REPLACE TABLE checked AS SELECT * FROM to_check LIMIT 0;

-- moved, one row: a file that is missing there, and stands elsewhere.
CREATE OR REPLACE TABLE moved AS SELECT * FROM to_check LIMIT 0;
