-- One row: a concept that stands below one of some concepts, below such a one (a drug below its ingredient, the ingredient below a group: a part
-- of a vocabulary may lack what follows from the two), or is it.
WITH asked AS (
    SELECT UNNEST($concepts) AS concept_id
),

below AS (
    SELECT
        a.concept_id,
        c.descendant_concept_id AS below_id
    FROM asked AS a
    INNER JOIN cdm.concept_ancestor AS c ON a.concept_id = c.ancestor_concept_id
)

SELECT
    b.concept_id,
    c.descendant_concept_id AS below_id
FROM below AS b
INNER JOIN cdm.concept_ancestor AS c ON b.below_id = c.ancestor_concept_id
UNION
SELECT
    b.concept_id,
    b.below_id
FROM below AS b
UNION
SELECT
    a.concept_id,
    a.concept_id AS below_id
FROM asked AS a
