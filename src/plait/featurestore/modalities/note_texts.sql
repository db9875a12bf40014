-- One row: the text of a note that was asked for.
-- In the order in which they were.
SELECT n.note_text
FROM wanted_notes AS w
INNER JOIN cdm.note AS n ON w.row_id = n.note_id
ORDER BY w.place;
