-- One row: a code of the study, and a digest of all that a person's rows take from the vocabulary by it: its concepts,
-- what is known of the drugs among them, and whether it is a unit that measures.
WITH drug AS (
    SELECT
        drug_concept_id,
        md5(string_agg(fact, ',' ORDER BY fact)) AS facts
    FROM (
        SELECT
            drug_concept_id,
            concat_ws('/', 'ingredient', ingredient_concept_id) AS fact
        FROM drug_ingredient
        UNION ALL
        SELECT
            s.drug_concept_id,
            CAST(s AS VARCHAR) AS fact
        FROM ingredient_strength AS s
    )
    GROUP BY drug_concept_id
),

meaning AS (
    SELECT
        m.source,
        m.code_system,
        m.code,
        CAST((m.source_concept_id, m.target_concept_id, m.target_domain_id, m.value_as_concept_id, d.facts, q.unit) AS VARCHAR) AS fact
    FROM study_map AS m
    LEFT JOIN drug AS d ON m.target_concept_id = d.drug_concept_id
    LEFT JOIN quantity_unit AS q ON m.code_system = 'UCUM' AND m.code = q.unit
)

SELECT
    source,
    code_system,
    code,
    md5(string_agg(fact, ',' ORDER BY fact)) AS digest
FROM meaning
GROUP BY source, code_system, code
ORDER BY source, code_system, code
