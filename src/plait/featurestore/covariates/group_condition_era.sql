-- covariate_group, one row: a condition of the study and a group above it. A group is a condition more than two levels
-- below the clinical finding, or one of a list, whose name is not that of a mere class (FeatureExtraction, DomainConceptGroup).
CREATE OR REPLACE TEMP TABLE covariate_group AS
WITH finding AS (
    SELECT a.descendant_concept_id AS concept_id
    FROM cdm.concept_ancestor AS a
    INNER JOIN covariate_concept AS r ON r.role = 'group_root' AND CAST(a.ancestor_concept_id AS VARCHAR) = r.term
    LEFT JOIN covariate_concept AS k ON k.role = 'group_kept' AND CAST(a.descendant_concept_id AS VARCHAR) = k.term
    WHERE a.min_levels_of_separation > 2 OR k.term IS NOT NULL
),

valid AS (
    SELECT c.concept_id
    FROM cdm.concept AS c
    WHERE
        c.domain_id = 'Condition'
        AND c.concept_id IN (SELECT f.concept_id FROM finding AS f)
        AND NOT EXISTS (SELECT 1 FROM covariate_concept AS o WHERE o.role = 'group_name_out' AND c.concept_name LIKE o.term)
)

SELECT DISTINCT
    CAST(a.descendant_concept_id AS BIGINT) AS concept_id,
    CAST(a.ancestor_concept_id AS BIGINT) AS group_concept_id
FROM cdm.concept_ancestor AS a
WHERE
    a.ancestor_concept_id IN (SELECT v.concept_id FROM valid AS v)
    AND a.descendant_concept_id IN (SELECT e.concept_id FROM covariate_reach AS e);
