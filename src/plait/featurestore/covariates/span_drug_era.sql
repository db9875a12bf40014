-- covariate_span, one row: an exposure and a standard ingredient of the drug, that an era is made of.
CREATE OR REPLACE TEMP TABLE covariate_span AS
WITH ingredient AS (
    SELECT DISTINCT
        a.descendant_concept_id AS concept_id,
        CAST(a.ancestor_concept_id AS BIGINT) AS ingredient_concept_id
    FROM cdm.concept_ancestor AS a
    INNER JOIN cdm.concept AS c ON a.ancestor_concept_id = c.concept_id
    WHERE
        c.concept_class_id = 'Ingredient'
        AND c.standard_concept = 'S'
        AND a.descendant_concept_id IN (SELECT e.concept_id FROM covariate_event AS e WHERE e.concept_id != 0)
)

SELECT
    e.row_id,
    i.ingredient_concept_id AS concept_id,
    e.start_day,
    e.end_day
FROM covariate_event AS e
INNER JOIN ingredient AS i ON e.concept_id = i.concept_id;
