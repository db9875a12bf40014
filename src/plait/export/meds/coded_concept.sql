-- One row: a concept that occurs, and its code in MEDS. Concept 0 says that there is none.
SELECT
    c.concept_id,
    c.vocabulary_id || '/' || c.concept_code AS code,
    c.concept_code,
    c.concept_name
FROM cdm.concept AS c
SEMI JOIN occurring AS o ON c.concept_id = o.concept_id
WHERE c.concept_id != 0
