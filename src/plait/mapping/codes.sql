-- wanted_code, one row: a code of the study that somebody should look at, and why: it has no standard concept, or a
-- mapping leads to a concept that is none, or is invalid, or is not in the vocabulary.
CREATE OR REPLACE TEMP TABLE wanted_code AS
WITH judged AS (
    SELECT
        m.source,
        m.code_system,
        m.code,
        m.display,
        m.vocabulary_id,
        m.source_concept_id,
        m.target_concept_id,
        CASE
            WHEN m.target_concept_id = 0 AND m.mapped_by = 'source_to_concept_map' THEN 'no_match'
            WHEN m.target_concept_id = 0 THEN m.mapped_by
            WHEN t.concept_id IS NULL THEN 'target_unknown'
            WHEN t.invalid_reason IS NOT NULL THEN 'target_invalid'
            WHEN t.standard_concept IS NULL OR t.standard_concept != 'S' THEN 'target_not_standard'
        END AS reason
    FROM study_map AS m
    LEFT JOIN vocabulary.concept AS t ON m.target_concept_id = t.concept_id
)

SELECT
    source,
    code_system,
    code,
    min(display) AS display,
    min(vocabulary_id) AS vocabulary_id,
    min(source_concept_id) AS source_concept_id,
    min(target_concept_id) AS target_concept_id,
    min(reason) AS reason
FROM judged
WHERE reason IS NOT NULL
GROUP BY source, code_system, code;
