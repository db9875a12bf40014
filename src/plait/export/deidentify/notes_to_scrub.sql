-- One row: a note of a person who leaves, with the days by which the person's dates are shifted; a person's notes stand together.
SELECT
    n.note_id,
    n.person_id,
    s.shift_days,
    n.note_text
FROM cdm.note AS n
INNER JOIN pseudonym AS s ON n.person_id = s.person_id
WHERE n.note_text IS NOT NULL
ORDER BY n.person_id, n.note_id
