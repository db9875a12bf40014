-- One row: a concept of the vocabulary Cancer Modifier that is a stage or a category of TNM, taken apart: `p-AJCC/UICC-T2`, `c-8th_AJCC/UICC-Stage-2A`.
WITH parsed AS (
    SELECT
        concept_id,
        regexp_extract(concept_code, '^(?:([a-z]+)-)?(?:\d+th_)?AJCC/UICC-(Stage-|[TNM])([0-9A-Za-z]+)$', ['prefix', 'part', 'degree']) AS piece
    FROM cdm.concept
    WHERE vocabulary_id = 'Cancer Modifier'
)

SELECT
    concept_id,
    CASE WHEN piece.part = 'Stage-' THEN 'stage' ELSE piece.part END AS role,
    CASE WHEN piece.prefix = 'c' THEN 'clinical' WHEN piece.prefix LIKE '%p' THEN 'pathological' ELSE 'other' END AS how,
    CASE WHEN piece.part = 'Stage-' THEN piece.degree ELSE piece.part || piece.degree END AS written
FROM parsed
WHERE piece.part <> ''
