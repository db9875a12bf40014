-- absence_row, one row: that something was not done or has no value: a staged absence, by the first of its codes that has a
-- standard concept, times its standard concepts.
CREATE OR REPLACE TEMP TABLE absence_row AS
WITH coded AS (
    SELECT
        a.* EXCLUDE (code, code_system),
        CASE
            WHEN first.concept_id != 0 OR a.alternative IS NULL THEN a.code
            WHEN second.concept_id != 0 THEN a.alternative
            WHEN third.concept_id != 0 THEN a.alternative_2
            ELSE a.code
        END AS code,
        CASE
            WHEN first.concept_id != 0 OR a.alternative IS NULL THEN a.code_system
            WHEN second.concept_id != 0 THEN a.alternative_system
            WHEN third.concept_id != 0 THEN a.alternative_2_system
            ELSE a.code_system
        END AS code_system
    FROM live_absence AS a
    LEFT JOIN code_concept AS first ON a.source = first.source AND a.code_system = first.code_system AND a.code = first.code
    LEFT JOIN code_concept AS second ON a.source = second.source AND a.alternative_system = second.code_system AND a.alternative = second.code
    LEFT JOIN code_concept AS third ON a.source = third.source AND a.alternative_2_system = third.code_system AND a.alternative_2 = third.code
),

target AS (
    SELECT DISTINCT
        source,
        code_system,
        code,
        source_concept_id,
        target_concept_id,
        target_domain_id
    FROM study_map
),

mapped AS (
    SELECT
        c.*,
        coalesce(m.target_concept_id, 0) AS concept_id,
        coalesce(m.source_concept_id, 0) AS source_concept_id,
        coalesce(m.target_domain_id, c.domain) AS domain_id,
        l.visit_occurrence_id
    FROM coded AS c
    LEFT JOIN target AS m ON c.source = m.source AND c.code_system = m.code_system AND c.code = m.code
    LEFT JOIN visit_link AS l ON c.person_id = l.person_id AND c.system = l.system AND c.visit = l.visit
)

SELECT
    person_id * 4194304 + row_number() OVER (PARTITION BY person_id ORDER BY start, source, file, digest, part, concept_id) - 1 AS absence_id,
    *
FROM mapped
ORDER BY absence_id;
