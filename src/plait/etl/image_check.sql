-- One row: a file of an image, and what the last check found of it; nothing of one that was indexed anew since.
SELECT
    f.image_occurrence_id,
    c.source,
    f.uri,
    c.status,
    c.moved_to,
    c.size_bytes,
    c.mtime_ns,
    c.sha256,
    c.checked_at
FROM image_checks AS c
INNER JOIN plait.image_item AS i ON c.source = i.source
INNER JOIN plait.image_file AS f
    ON
        i.image_occurrence_id = f.image_occurrence_id
        AND c.uri = f.uri
        AND c.indexed_bytes IS NOT DISTINCT FROM f.size_bytes
        AND c.indexed_ns IS NOT DISTINCT FROM f.mtime_ns
