-- One row: a code of the study and what it means by the release at hand: its standard concepts with their names and domains,
-- its own concept and its value, and whether a mapping of the site says so; `digest` is what its rows in the CDM follow from.
WITH judged AS (
    SELECT
        m.*,
        coalesce(t.standard_concept = 'S' AND t.invalid_reason IS NULL, FALSE) AS is_standard
    FROM study_map AS m
    LEFT JOIN vocabulary.concept AS t ON m.target_concept_id = t.concept_id
),

target AS (
    SELECT DISTINCT
        source,
        code_system,
        code,
        target_concept_id
    FROM study_map
    WHERE target_concept_id != 0
),

led AS (
    SELECT
        t.source,
        t.code_system,
        t.code,
        list(t.target_concept_id ORDER BY t.target_concept_id) AS concepts,
        list(c.concept_name ORDER BY t.target_concept_id) AS names
    FROM target AS t
    LEFT JOIN vocabulary.concept AS c ON t.target_concept_id = c.concept_id
    GROUP BY t.source, t.code_system, t.code
)

SELECT
    j.source,
    j.code_system,
    j.code,
    min(j.display) AS display,
    min(l.concepts) AS concepts,
    min(l.names) AS names,
    list(DISTINCT j.target_domain_id ORDER BY j.target_domain_id) FILTER (j.target_concept_id != 0) AS domains,
    min(j.source_concept_id) AS source_concept_id,
    list(DISTINCT j.value_as_concept_id ORDER BY j.value_as_concept_id) AS value_concepts,
    bool_or(j.mapped_by = 'source_to_concept_map') AS is_site_mapped,
    coalesce(bool_and(j.is_standard) FILTER (j.target_concept_id != 0), TRUE) AS is_standard,
    min(d.digest) AS digest
FROM judged AS j
INNER JOIN read_parquet($digests, hive_partitioning = FALSE) AS d ON j.source = d.source AND j.code_system = d.code_system AND j.code = d.code
LEFT JOIN led AS l ON j.source = l.source AND j.code_system = l.code_system AND j.code = l.code
GROUP BY j.source, j.code_system, j.code
