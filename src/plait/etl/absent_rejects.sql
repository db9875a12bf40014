-- Rejects of records whose person was known once, and is brought by no file now.
INSERT INTO reject
SELECT DISTINCT
    s.file_id,
    s.record,
    s.source,
    s.file,
    s.shape,
    'unknown_person' AS reason,
    'person' AS detail,
    TRUE AS is_late
FROM staged_pointer AS s
INNER JOIN (SELECT person_id FROM crosswalk ANTI JOIN present USING (person_id)) AS a ON s.person_id = a.person_id;
