-- One row: a rejected record, where it stands, why, and its raw text.
SELECT DISTINCT
    r.file_id,
    r.record,
    r.source,
    r.file,
    r.shape,
    r.reason,
    r.detail,
    w.raw
FROM reject AS r
LEFT JOIN reject_raw AS w ON r.file_id = w.file_id AND r.record = w.record
ORDER BY ALL
