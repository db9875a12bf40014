-- One row: a concept of a table of the CDM, with how many persons have it and its rows, before anything is suppressed.
SELECT
    e.table_name,
    e.concept_id,
    c.concept_name,
    c.domain_id,
    c.vocabulary_id,
    count(DISTINCT e.person_id) AS persons,
    count(*) AS records
FROM occurrence AS e
LEFT JOIN cdm.concept AS c ON e.concept_id = c.concept_id
GROUP BY e.table_name, e.concept_id, c.concept_name, c.domain_id, c.vocabulary_id
ORDER BY e.table_name, e.concept_id
