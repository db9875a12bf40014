-- One row: a kind of relationship that there is between two concepts that occur.
SELECT k.*
FROM cdm.relationship AS k
WHERE k.relationship_id IN (
    SELECT r.relationship_id
    FROM cdm.concept_relationship AS r
    SEMI JOIN used AS a ON r.concept_id_1 = a.concept_id
    SEMI JOIN used AS b ON r.concept_id_2 = b.concept_id
)
ORDER BY k.relationship_id
