-- One row more in promotion: a domain, an extractor (null: any) and a concept (null: any) whose findings become events.
INSERT INTO promotion
WITH concept AS (
    SELECT unnest($concepts) AS concept_id
),

below AS (
    SELECT concept_id FROM concept
    UNION
    SELECT a.descendant_concept_id
    FROM vocabulary.concept_ancestor AS a
    SEMI JOIN concept AS c ON a.ancestor_concept_id = c.concept_id
    UNION
    SELECT NULL WHERE len($concepts) = 0
)

SELECT
    d.domain_id,
    x.extractor,
    b.concept_id
FROM (SELECT unnest($domains) AS domain_id) AS d
CROSS JOIN (SELECT unnest($extractors) AS extractor UNION ALL SELECT NULL WHERE len($extractors) = 0) AS x
CROSS JOIN below AS b
