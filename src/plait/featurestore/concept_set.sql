-- One row: a concept that is named, or the standard concept that one of these maps to, or, where descendants are asked for, one that
-- stands below any of them.
WITH named AS (
    SELECT unnest($concepts::BIGINT[]) AS concept_id
    UNION
    SELECT concept_id_2
    FROM cdm.concept_relationship
    WHERE relationship_id = 'Maps to' AND invalid_reason IS NULL AND list_contains($concepts::BIGINT[], concept_id_1)
)

SELECT concept_id FROM named
UNION
SELECT a.descendant_concept_id
FROM cdm.concept_ancestor AS a
INNER JOIN named AS n ON a.ancestor_concept_id = n.concept_id
WHERE $descendants
