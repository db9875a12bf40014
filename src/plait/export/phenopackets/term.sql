-- One row: a concept as a term of an ontology: a CURIE, by the code of its vocabulary where that has a prefix, else by OMOP's own number, and its name.
SELECT
    c.concept_id,
    CASE WHEN r.prefix IS NULL THEN 'OMOP:' || c.concept_id ELSE r.prefix || ':' || c.concept_code END AS id,
    c.concept_name AS label,
    c.vocabulary_id,
    c.concept_code,
    c.vocabulary_id = 'SNOMED' AND c.concept_class_id = 'Clinical Finding' AS is_finding,
    c.vocabulary_id = 'SNOMED' AND c.concept_class_id IN ('Clinical Finding', 'Disorder') AS is_sign_or_disorder
FROM cdm.concept AS c
LEFT JOIN resource AS r ON c.vocabulary_id = r.vocabulary_id
WHERE c.concept_id <> 0
