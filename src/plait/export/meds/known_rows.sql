-- One row: when a row became known, and when its end did; infinity on a day of a delivery, which is not told.
SELECT
    m.row_id,
    CASE WHEN CAST(m.known_time AS DATE) IN (SELECT b.known_day FROM batch_day AS b) THEN TIMESTAMP 'infinity' ELSE m.known_time END AS known_time,
    CASE WHEN CAST(m.end_known_time AS DATE) IN (SELECT b.known_day FROM batch_day AS b) THEN TIMESTAMP 'infinity' ELSE m.end_known_time END
        AS end_known_time
FROM row_known AS m
