-- One row: what a field of a CDM held, what it holds since it was mapped to the loaded vocabulary, and how many rows and persons that touches.
SELECT
    h.source,
    h.table_name,
    h.field,
    h.source_concept_id,
    h.old_concept_id,
    o.concept_name AS old_concept_name,
    o.domain_id AS old_domain_id,
    h.new_concept_id,
    n.concept_name AS new_concept_name,
    h.new_domain_id,
    h.new_table_name,
    h.mapped_by,
    CAST(sum(h.records) AS BIGINT) AS rows,
    count(DISTINCT h.person_id) AS persons
FROM concept_change AS h
LEFT JOIN vocabulary.concept AS o ON h.old_concept_id = o.concept_id AND h.old_concept_id != 0
LEFT JOIN vocabulary.concept AS n ON h.new_concept_id = n.concept_id AND h.new_concept_id != 0
GROUP BY ALL
ORDER BY sum(h.records) DESC, h.source, h.table_name, h.field, h.source_concept_id, h.old_concept_id, h.new_concept_id, h.new_table_name
