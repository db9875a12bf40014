-- One row: a code of the study and one standard concept it maps to, or concept 0 and why not.
-- What somebody approved goes before a site's other mappings, and these before the vocabulary's; `Maps to value` fills the
-- value of what is measured or observed.
CREATE OR REPLACE TABLE study_map AS
WITH code AS (
    SELECT
        source,
        code_system,
        code,
        min(display) AS display
    FROM study_code
    GROUP BY source, code_system, code
),

place AS (
    SELECT
        c.source,
        c.code_system,
        c.code,
        coalesce(a.vocabulary_id, c.code_system) AS vocabulary_id,
        coalesce(a.rank, 0) AS rank
    FROM code AS c
    LEFT JOIN system_alias AS a ON c.source = a.source AND c.code_system = a.code_system
),

site AS (
    SELECT DISTINCT
        p.source,
        p.code_system,
        p.code,
        s.source_vocabulary_id AS vocabulary_id,
        s.source_concept_id,
        s.target_concept_id,
        t.domain_id AS target_domain_id
    FROM place AS p
    INNER JOIN site_map AS s ON s.source_vocabulary_id IN (p.vocabulary_id, p.code_system) AND p.code = s.source_code
    LEFT JOIN vocabulary.concept AS t ON s.target_concept_id = t.concept_id
    WHERE s.invalid_reason IS NULL
    QUALIFY s.rank = min(s.rank) OVER (PARTITION BY p.source, p.code_system, p.code)
),

found AS (
    SELECT
        p.source,
        p.code_system,
        p.code,
        n.vocabulary_id,
        n.concept_id,
        n.domain_id,
        n.standard_concept = 'S' AND n.invalid_reason IS NULL AS is_standard
    FROM place AS p
    INNER JOIN vocabulary.concept AS n ON p.vocabulary_id = n.vocabulary_id AND p.code = n.concept_code
    QUALIFY
        row_number() OVER (
            PARTITION BY p.source, p.code_system, p.code
            ORDER BY p.rank, n.invalid_reason IS NOT NULL, n.standard_concept IS NULL, n.valid_end_date DESC, n.concept_id
        ) = 1
),

target AS (
    SELECT
        r.concept_id_1 AS concept_id,
        t.concept_id AS target_concept_id,
        t.domain_id AS target_domain_id
    FROM vocabulary.concept_relationship AS r
    INNER JOIN vocabulary.concept AS t ON r.concept_id_2 = t.concept_id
    WHERE
        r.relationship_id = 'Maps to'
        AND r.invalid_reason IS NULL
        AND t.standard_concept = 'S'
        AND t.invalid_reason IS NULL
        AND r.concept_id_1 IN (SELECT f.concept_id FROM found AS f)
),

target_value AS (
    SELECT
        r.concept_id_1 AS concept_id,
        r.concept_id_2 AS value_as_concept_id
    FROM vocabulary.concept_relationship AS r
    WHERE
        r.relationship_id = 'Maps to value'
        AND r.invalid_reason IS NULL
        AND r.concept_id_1 IN (SELECT f.concept_id FROM found AS f)
),

mapped AS (
    SELECT DISTINCT
        f.source,
        f.code_system,
        f.code,
        f.vocabulary_id,
        f.concept_id AS source_concept_id,
        coalesce(t.target_concept_id, CASE WHEN f.is_standard THEN f.concept_id END, 0) AS target_concept_id,
        CASE WHEN t.concept_id IS NOT NULL THEN t.target_domain_id WHEN f.is_standard THEN f.domain_id END AS target_domain_id,
        CASE WHEN t.concept_id IS NOT NULL THEN 'maps_to' WHEN f.is_standard THEN 'standard' ELSE 'no_maps_to' END AS mapped_by
    FROM found AS f
    LEFT JOIN target AS t ON f.concept_id = t.concept_id
),

valued AS (
    SELECT
        m.*,
        v.value_as_concept_id
    FROM mapped AS m
    LEFT JOIN target_value AS v
        ON CASE WHEN m.target_domain_id IN ('Measurement', 'Observation', 'Condition/Meas', 'Meas/Procedure') THEN m.source_concept_id END = v.concept_id
)

SELECT
    c.source,
    c.code_system,
    c.code,
    c.display,
    coalesce(s.vocabulary_id, v.vocabulary_id) AS vocabulary_id,
    coalesce(nullif(s.source_concept_id, 0), f.concept_id, 0) AS source_concept_id,
    coalesce(s.target_concept_id, v.target_concept_id, 0) AS target_concept_id,
    CASE WHEN s.code IS NOT NULL THEN s.target_domain_id ELSE v.target_domain_id END AS target_domain_id,
    CASE WHEN s.code IS NULL THEN v.value_as_concept_id END AS value_as_concept_id,
    CASE WHEN s.code IS NOT NULL THEN 'source_to_concept_map' ELSE coalesce(v.mapped_by, 'not_in_vocabulary') END AS mapped_by
FROM code AS c
LEFT JOIN site AS s ON c.source = s.source AND c.code_system = s.code_system AND c.code = s.code
LEFT JOIN found AS f ON c.source = f.source AND c.code_system = f.code_system AND c.code = f.code
LEFT JOIN valued AS v ON c.source = v.source AND c.code_system = v.code_system AND CASE WHEN s.code IS NULL THEN c.code END = v.code
ORDER BY ALL;
