-- One row more: how many rows of a person in a file point, in one field, at a row that is not there.
INSERT INTO adopted_notice
SELECT
    person_id,
    source,
    file,
    'unknown_reference',
    $detail,
    count(*)
FROM pointing
WHERE found IS NULL
GROUP BY person_id, source, file;
