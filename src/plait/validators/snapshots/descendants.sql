-- One row: a concept that stands below one of some concepts, or is it.
SELECT
    ancestor_concept_id AS concept_id,
    descendant_concept_id AS below_id
FROM cdm.concept_ancestor
WHERE ancestor_concept_id IN (SELECT UNNEST($concepts))
UNION
SELECT
    c.concept_id,
    c.concept_id AS below_id
FROM (SELECT UNNEST($concepts) AS concept_id) AS c
