-- One row more: how many rows of a person in a file say something in one field that they cannot say
-- here: they point at a row that is not there, or their new table has no such field.
INSERT INTO adopted_notice
SELECT
    person_id,
    source,
    file,
    $kind,
    $detail,
    count(*)
FROM pointing
WHERE found IS NULL
GROUP BY person_id, source, file;
