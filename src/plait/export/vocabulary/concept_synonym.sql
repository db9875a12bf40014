-- One row: another name of a concept that occurs.
SELECT s.*
FROM cdm.concept_synonym AS s
SEMI JOIN used AS u ON s.concept_id = u.concept_id
ORDER BY s.concept_id, s.concept_synonym_name
