-- One row: a concept of a table of the CDM, with how many persons have it; empty where that is fewer than the smallest cell.
SELECT
    e.table_name,
    e.concept_id,
    c.concept_name,
    c.domain_id,
    c.vocabulary_id,
    CASE WHEN count(DISTINCT e.person_id) >= $min_cell THEN count(DISTINCT e.person_id) END AS persons,
    CASE WHEN count(DISTINCT e.person_id) >= $min_cell THEN count(*) END AS records
FROM occurrence AS e
LEFT JOIN cdm.concept AS c ON e.concept_id = c.concept_id
GROUP BY e.table_name, e.concept_id, c.concept_name, c.domain_id, c.vocabulary_id
ORDER BY e.table_name, e.concept_id
