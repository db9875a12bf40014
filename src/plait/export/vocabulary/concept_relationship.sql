-- One row: a relationship between two concepts that occur.
SELECT r.*
FROM cdm.concept_relationship AS r
SEMI JOIN used AS a ON r.concept_id_1 = a.concept_id
SEMI JOIN used AS b ON r.concept_id_2 = b.concept_id
ORDER BY r.concept_id_1, r.concept_id_2, r.relationship_id
