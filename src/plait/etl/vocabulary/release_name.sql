-- At most one row: the release that the whole vocabulary calls itself.
-- OMOP keeps it as the version of the vocabulary 'None'.
SELECT vocabulary_version
FROM temp.vocabulary
WHERE vocabulary_id = 'None'
LIMIT 1
