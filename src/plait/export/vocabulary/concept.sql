-- One row: a concept that occurs in a table of the export.
SELECT c.*
FROM cdm.concept AS c
SEMI JOIN used AS u ON c.concept_id = u.concept_id
ORDER BY c.concept_id
