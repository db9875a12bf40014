-- One row: a diagnosis or a sign, with the term that it is told by and where it is told. Signs are SNOMED's findings that are no disorders.
WITH cancerous AS (
    SELECT DISTINCT a.descendant_concept_id AS concept_id
    FROM cdm.concept_ancestor AS a
    INNER JOIN known AS k ON a.ancestor_concept_id = k.concept_id AND k.role = 'cancer'
),

histology AS (
    SELECT
        source_code AS code,
        'ONCOTREE:' || source_code AS id,
        min(source_code_description) AS label
    FROM cdm.source_to_concept_map
    WHERE source_vocabulary_id = 'ONCOTREE'
    GROUP BY source_code
),

coded AS (
    SELECT
        c.person_id,
        c.condition_occurrence_id AS row_id,
        c.condition_concept_id AS concept_id,
        coalesce(t.id, o.id) AS id,
        coalesce(t.label, o.label) AS label,
        coalesce(t.is_finding, o.is_finding) AS is_finding,
        moment(c.condition_start_datetime, c.condition_start_date) AS began,
        moment(c.condition_end_datetime, c.condition_end_date) AS ended,
        x.concept_id IS NOT NULL AS is_cancer,
        h.id AS histology_id,
        h.label AS histology_label
    FROM leaving_condition_occurrence AS c
    LEFT JOIN term AS t ON c.condition_concept_id = t.concept_id
    LEFT JOIN term AS o ON c.condition_source_concept_id = o.concept_id
    LEFT JOIN cancerous AS x ON c.condition_concept_id = x.concept_id
    LEFT JOIN histology AS h ON c.condition_source_value = h.code
)

SELECT
    *,
    CASE WHEN id IS NOT NULL THEN CASE WHEN is_finding THEN 'phenotypicFeatures' ELSE 'diseases' END END AS place,
    CASE WHEN id IS NULL THEN 'no concept' END AS reason
FROM coded
