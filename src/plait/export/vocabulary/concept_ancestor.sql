-- One row: a concept that occurs, and one above it that occurs too.
SELECT a.*
FROM cdm.concept_ancestor AS a
SEMI JOIN used AS u ON a.ancestor_concept_id = u.concept_id
SEMI JOIN used AS d ON a.descendant_concept_id = d.concept_id
ORDER BY a.ancestor_concept_id, a.descendant_concept_id
