-- One row: a concept that was approved, as the vocabulary has it, and a standard one that it maps to, if it does.
SELECT
    c.concept_id,
    c.concept_name,
    c.vocabulary_id,
    c.standard_concept = 'S' AS is_standard,
    c.invalid_reason IS NULL AS is_valid,
    min(r.concept_id_2) AS maps_to
FROM vocabulary.concept AS c
LEFT JOIN vocabulary.concept_relationship AS r
    ON c.concept_id = r.concept_id_1 AND r.relationship_id = 'Maps to' AND r.invalid_reason IS NULL AND c.concept_id != r.concept_id_2
WHERE c.concept_id IN (SELECT unnest($ids))
GROUP BY ALL
