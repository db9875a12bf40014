-- One row: a vocabulary that a concept of the export is of, and the one that names the release.
SELECT v.*
FROM cdm.vocabulary AS v
WHERE v.vocabulary_id = 'None' OR v.vocabulary_id IN (SELECT c.vocabulary_id FROM cdm.concept AS c SEMI JOIN used AS u ON c.concept_id = u.concept_id)
ORDER BY v.vocabulary_id
