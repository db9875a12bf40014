-- One row: a file of an image, and what it was when it was indexed.
SELECT
    r.image_occurrence_id,
    f.uri,
    f.instance AS instance_uid,
    CAST(f.size_bytes AS BIGINT) AS size_bytes,
    CAST(f.mtime_ns AS BIGINT) AS mtime_ns
FROM image_row AS r
INNER JOIN staged_image AS f ON r.key_space = f.key_space AND r.key = f.key
ANTI JOIN contested_image AS c ON f.file_id = c.file_id AND f.record = c.record AND f.part = c.part
ORDER BY ALL
