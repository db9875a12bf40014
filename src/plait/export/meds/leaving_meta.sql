-- One row: when a row that leaves became known, and its end, by its new id, shifted as all of the person's dates are; a death is its person's. Whether
-- that day is a delivery's, which is not told.
SELECT
    m.table_name,
    CASE WHEN m.table_name = 'death' THEN s.new_id ELSE new_row(m.row_id, s.person_id, s.new_id) END AS row_id,
    shifted_datetime(m.known_time, s.shift_days) AS known_time,
    shifted_datetime(m.end_known_time, s.shift_days) AS end_known_time,
    CAST(m.known_time AS DATE) IN (SELECT b.known_day FROM batch_day AS b) AS is_batch,
    CAST(m.end_known_time AS DATE) IN (SELECT b.known_day FROM batch_day AS b) AS is_end_batch
FROM plait.row_meta AS m
INNER JOIN pseudonym AS s ON m.person_id = s.person_id
