-- One row: a row of the study map that a traced record's code used, and who approved it, if somebody did.
SELECT DISTINCT
    $attribute AS attribute,
    m.*,
    a.approved_by,
    a.approved_at
FROM traced AS t
INNER JOIN plait.study_map AS m ON t.source = m.source AND t.code_system = m.code_system AND t.code = m.code
LEFT JOIN plait.approvals AS a
    ON m.mapped_by = 'source_to_concept_map' AND m.code_system = a.source_vocabulary_id AND m.code = a.source_code AND m.target_concept_id = a.target_concept_id
WHERE t.record IN (SELECT unnest($numbers))
ORDER BY ALL
