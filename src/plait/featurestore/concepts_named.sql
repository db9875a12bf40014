-- One row: a concept that is named by its id, or by its vocabulary and code, and the latter as one word.
SELECT
    concept_id,
    vocabulary_id || ':' || concept_code AS code
FROM cdm.concept
WHERE list_contains($ids::BIGINT[], concept_id) OR list_contains($codes::VARCHAR[], vocabulary_id || ':' || concept_code)
