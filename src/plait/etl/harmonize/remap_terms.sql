-- adopted_term, one row: a concept field's content that a CDM has (its concept, the concept of its source, its source value), and one of the codes
-- by which it may be mapped anew, best first: that of its source's concept, its own, its source value in a vocabulary that the study names.
CREATE OR REPLACE TABLE adopted_term AS
SELECT
    a.*,
    1 AS rank,
    c.vocabulary_id AS code_system,
    c.concept_code AS code
FROM adopted_code AS a
INNER JOIN vocabulary.concept AS c ON a.source_concept_id = c.concept_id
WHERE a.source_concept_id != 0
UNION ALL
SELECT
    a.*,
    2,
    c.vocabulary_id,
    c.concept_code
FROM adopted_code AS a
INNER JOIN vocabulary.concept AS c ON a.concept_id = c.concept_id
WHERE a.concept_id != 0
UNION ALL
SELECT
    a.*,
    3,
    v.vocabulary_id,
    a.source_value
FROM adopted_code AS a
INNER JOIN value_vocabulary AS v ON a.source = v.source AND a.source_value_field = v.field
WHERE a.source_value != '';
