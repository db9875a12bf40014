-- covariate_score, one row: a concept that counts for a category of a score, and its weight there. covariate_term holds
-- the scores' definitions: descendants of a concept, the concept itself, or what codes of ICD map to.
CREATE OR REPLACE TEMP TABLE covariate_score AS
WITH code AS (
    SELECT
        s.concept_code AS code,
        s.vocabulary_id,
        t.concept_id
    FROM cdm.concept_relationship AS r
    INNER JOIN cdm.concept AS s ON r.concept_id_1 = s.concept_id
    INNER JOIN cdm.concept AS t ON r.concept_id_2 = t.concept_id
    WHERE r.relationship_id = 'Maps to' AND s.vocabulary_id IN ('ICD9CM', 'ICD10') AND t.vocabulary_id = 'SNOMED'
),

counted AS (
    SELECT
        t.*,
        a.descendant_concept_id AS concept_id
    FROM covariate_term AS t
    INNER JOIN cdm.concept_ancestor AS a ON t.how = 'descendants' AND t.term = CAST(a.ancestor_concept_id AS VARCHAR)
    UNION ALL
    SELECT
        t.*,
        c.concept_id
    FROM covariate_term AS t
    INNER JOIN cdm.concept AS c ON t.how = 'concept' AND t.term = CAST(c.concept_id AS VARCHAR)
    WHERE c.invalid_reason IS NULL
    UNION ALL
    SELECT
        t.*,
        c.concept_id
    FROM covariate_term AS t
    INNER JOIN code AS c
        ON CASE t.how
            WHEN 'icd9cm' THEN c.vocabulary_id = 'ICD9CM' AND c.code = t.term
            WHEN 'icd9cm_prefix' THEN c.vocabulary_id = 'ICD9CM' AND starts_with(c.code, t.term)
            WHEN 'icd9cm_between' THEN c.vocabulary_id = 'ICD9CM' AND c.code BETWEEN split_part(t.term, '-', 1) AND split_part(t.term, '-', 2)
            WHEN 'icd10_prefix' THEN c.vocabulary_id = 'ICD10' AND starts_with(c.code, t.term)
        END
),

excluded AS (
    SELECT
        t.score,
        t.category,
        a.descendant_concept_id AS concept_id
    FROM covariate_term AS t
    INNER JOIN cdm.concept_ancestor AS a ON t.how = 'without_descendants' AND t.term = CAST(a.ancestor_concept_id AS VARCHAR)
)

SELECT
    c.score,
    c.category,
    CAST(c.concept_id AS BIGINT) AS concept_id,
    max(c.weight) AS weight
FROM counted AS c
ANTI JOIN excluded AS e ON c.score = e.score AND c.category = e.category AND c.concept_id = e.concept_id
GROUP BY ALL;
