-- One row: an item with a vector, of a person who leaves, with when it happened and when it became known, shifted; `place` is the vector's.
SELECT
    s.new_id AS subject_id,
    shifted_datetime(i.event_time, s.shift_days, s.is_anchored) AS time,
    shifted_datetime(greatest(i.known_time, i.event_time), s.shift_days, s.is_anchored) AS known_time,
    new_row(i.row_id, s.person_id, s.new_id) AS row_id,
    i.place
FROM encoded_item AS i
INNER JOIN pseudonym AS s ON i.person_id = s.person_id
ORDER BY s.new_id, known_time, time, row_id
