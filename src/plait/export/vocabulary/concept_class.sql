-- One row: a class that a concept of the export is of.
SELECT k.*
FROM cdm.concept_class AS k
WHERE k.concept_class_id IN (SELECT c.concept_class_id FROM cdm.concept AS c SEMI JOIN used AS u ON c.concept_id = u.concept_id)
ORDER BY k.concept_class_id
