-- One row: a code that the lists name, as the vocabulary has it, and the first standard concept that it means.
-- Of UCUM and of the stages of Cancer Modifier all are given: texts name any of them.
SELECT
    c.vocabulary_id,
    c.concept_code,
    min(c.concept_id) AS concept_id,
    min(CASE WHEN c.standard_concept = 'S' AND c.invalid_reason IS NULL THEN c.concept_id ELSE t.concept_id END) AS target_id,
    arg_min(coalesce(t.domain_id, c.domain_id), coalesce(t.concept_id, c.concept_id)) AS domain_id
FROM vocabulary.concept AS c
LEFT JOIN vocabulary.concept_relationship AS r ON c.concept_id = r.concept_id_1 AND r.relationship_id = 'Maps to' AND r.invalid_reason IS NULL
LEFT JOIN vocabulary.concept AS t ON r.concept_id_2 = t.concept_id AND t.standard_concept = 'S' AND t.invalid_reason IS NULL
WHERE
    (c.vocabulary_id = 'LOINC' AND list_contains($loinc, c.concept_code))
    OR c.vocabulary_id = 'UCUM'
    OR (c.vocabulary_id = 'Cancer Modifier' AND c.concept_code LIKE '%AJCC/UICC%')
GROUP BY c.vocabulary_id, c.concept_code
ORDER BY c.vocabulary_id, c.concept_code
