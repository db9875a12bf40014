-- One row: a name of a concept of the domains asked for, by its own name or a synonym in English, and the standard concepts that it means.
-- A concept that means none is left out, unless such are asked for.
WITH target AS (
    SELECT DISTINCT
        c.concept_id,
        t.concept_id AS target_id,
        t.domain_id
    FROM vocabulary.concept AS c
    LEFT JOIN vocabulary.concept_relationship AS r
        ON CASE WHEN c.standard_concept IS DISTINCT FROM 'S' OR c.invalid_reason IS NOT NULL THEN c.concept_id END = r.concept_id_1
            AND r.relationship_id = 'Maps to' AND r.invalid_reason IS NULL
    INNER JOIN vocabulary.concept AS t
        ON CASE WHEN c.standard_concept = 'S' AND c.invalid_reason IS NULL THEN c.concept_id ELSE r.concept_id_2 END = t.concept_id
            AND t.standard_concept = 'S' AND t.invalid_reason IS NULL
),

meaning AS (
    SELECT
        c.concept_id,
        list(t.target_id ORDER BY t.target_id) FILTER (t.target_id IS NOT NULL) AS targets,
        list(t.domain_id ORDER BY t.target_id) FILTER (t.target_id IS NOT NULL) AS domains,
        coalesce(arg_min(t.domain_id, t.target_id), any_value(c.domain_id)) AS domain_id,
        bool_or(t.target_id = c.concept_id) AS is_standard
    FROM vocabulary.concept AS c
    LEFT JOIN target AS t ON c.concept_id = t.concept_id
    WHERE c.concept_id != 0
    GROUP BY c.concept_id
),

named AS (
    SELECT
        concept_id,
        concept_name AS name,
        TRUE AS is_own
    FROM vocabulary.concept
    UNION ALL
    SELECT
        concept_id,
        concept_synonym_name,
        FALSE
    FROM vocabulary.concept_synonym
    WHERE language_concept_id IN (0, $english)
)

SELECT
    n.name,
    n.concept_id,
    coalesce(m.targets, []) AS targets,
    coalesce(m.domains, [m.domain_id]) AS domains,
    list_position($domains, m.domain_id) AS domain_rank,
    coalesce(m.is_standard, FALSE) AS is_standard,
    n.is_own
FROM named AS n
INNER JOIN meaning AS m ON n.concept_id = m.concept_id
WHERE list_contains($domains, m.domain_id) AND (m.targets IS NOT NULL OR $unmapped)
ORDER BY n.concept_id, n.name
