-- One row: a rejected record, its place, why, and its raw text.
SELECT
    r.source,
    r.file,
    f.path,
    r.record,
    r.shape,
    r.reason,
    r.detail,
    r.raw
FROM plait.rejects AS r
INNER JOIN plait.files AS f ON r.file_id = f.file_id
WHERE $reason IS NULL OR r.reason = $reason
ORDER BY r.source, r.file, r.file_id, r.record, r.shape
LIMIT $most
