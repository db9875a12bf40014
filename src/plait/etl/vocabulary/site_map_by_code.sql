-- Mappings that name a code lead to the standard concepts behind it, where the vocabulary has any.
INSERT INTO site_map
SELECT DISTINCT
    s.source_code,
    s.source_concept_id,
    s.source_vocabulary_id,
    s.source_code_description,
    t.concept_id AS target_concept_id,
    t.vocabulary_id AS target_vocabulary_id,
    s.valid_start_date,
    s.valid_end_date,
    s.invalid_reason,
    1 AS rank
FROM site_code AS s
INNER JOIN vocabulary.concept AS c ON s.target_vocabulary_id = c.vocabulary_id AND s.target_code = c.concept_code
LEFT JOIN vocabulary.concept_relationship AS r
    ON c.concept_id = r.concept_id_1 AND r.relationship_id = 'Maps to' AND r.invalid_reason IS NULL
INNER JOIN vocabulary.concept AS t ON coalesce(r.concept_id_2, c.concept_id) = t.concept_id
WHERE t.standard_concept = 'S' AND t.invalid_reason IS NULL;
