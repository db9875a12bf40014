-- Adds the concepts that stand for the domains, classes, vocabularies and relationships of the concepts that are used; gives how many were new.
INSERT INTO used
WITH occurring AS (
    SELECT c.*
    FROM cdm.concept AS c
    SEMI JOIN used AS u ON c.concept_id = u.concept_id
),

term AS (
    SELECT d.domain_concept_id AS concept_id
    FROM cdm.domain AS d
    WHERE d.domain_id IN (SELECT o.domain_id FROM occurring AS o)
    UNION
    SELECT k.concept_class_concept_id AS concept_id
    FROM cdm.concept_class AS k
    WHERE k.concept_class_id IN (SELECT o.concept_class_id FROM occurring AS o)
    UNION
    SELECT v.vocabulary_concept_id AS concept_id
    FROM cdm.vocabulary AS v
    WHERE v.vocabulary_id = 'None' OR v.vocabulary_id IN (SELECT o.vocabulary_id FROM occurring AS o)
    UNION
    SELECT r.relationship_concept_id AS concept_id
    FROM cdm.relationship AS r
    UNION
    SELECT s.language_concept_id AS concept_id
    FROM cdm.concept_synonym AS s
)

SELECT t.concept_id
FROM term AS t
INNER JOIN cdm.concept AS c ON t.concept_id = c.concept_id
WHERE t.concept_id NOT IN (SELECT u.concept_id FROM used AS u WHERE u.concept_id IS NOT NULL)
