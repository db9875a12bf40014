-- covariate_group, one row: an ingredient of the study and a group above it: an ATC class of the first, second, third or
-- fourth level, or a standard ingredient (FeatureExtraction, DomainConceptGroup).
CREATE OR REPLACE TEMP TABLE covariate_group AS
SELECT DISTINCT
    CAST(a.descendant_concept_id AS BIGINT) AS concept_id,
    CAST(a.ancestor_concept_id AS BIGINT) AS group_concept_id
FROM cdm.concept_ancestor AS a
INNER JOIN cdm.concept AS c ON a.ancestor_concept_id = c.concept_id
WHERE
    c.concept_id != 0
    AND (
        (c.vocabulary_id = 'ATC' AND length(c.concept_code) IN (1, 3, 4, 5))
        OR (c.standard_concept = 'S' AND c.concept_class_id = 'Ingredient' AND c.domain_id = 'Drug')
    )
    AND a.descendant_concept_id IN (SELECT e.concept_id FROM covariate_reach AS e);
