-- One row: a code that occurs, what it means, and the codes above it: what it maps to, and the concepts just above it.
WITH used AS (
    SELECT DISTINCT code
    FROM written_code
    WHERE code IS NOT NULL
),

known AS (
    SELECT
        u.code,
        min(c.concept_id) AS concept_id,
        min(c.concept_name) AS concept_name
    FROM used AS u
    INNER JOIN coded_concept AS c ON c.code = CASE WHEN starts_with(u.code, 'END//') THEN substr(u.code, 6) ELSE u.code END
    GROUP BY u.code
),

above AS (
    SELECT
        k.code,
        r.concept_id_2 AS concept_id
    FROM known AS k
    INNER JOIN cdm.concept_relationship AS r ON k.concept_id = r.concept_id_1
    WHERE r.relationship_id = 'Maps to' AND r.concept_id_2 != k.concept_id AND coalesce(r.invalid_reason, '') = ''
    UNION
    SELECT
        k.code,
        a.ancestor_concept_id
    FROM known AS k
    INNER JOIN cdm.concept_ancestor AS a ON k.concept_id = a.descendant_concept_id
    WHERE a.min_levels_of_separation = 1
),

parent AS (
    SELECT
        a.code,
        list(DISTINCT p.vocabulary_id || '/' || p.concept_code ORDER BY p.vocabulary_id || '/' || p.concept_code) AS parent_codes
    FROM above AS a
    INNER JOIN cdm.concept AS p ON a.concept_id = p.concept_id
    WHERE NOT starts_with(a.code, 'END//')
    GROUP BY a.code
)

SELECT
    u.code,
    CASE
        WHEN starts_with(u.code, 'END//') THEN 'The end of: ' || coalesce(k.concept_name, substr(u.code, 6))
        ELSE coalesce(k.concept_name, o.description)
    END AS description,
    CASE WHEN starts_with(u.code, 'END//') THEN [substr(u.code, 6)] ELSE p.parent_codes END AS parent_codes
FROM used AS u
LEFT JOIN known AS k ON u.code = k.code
LEFT JOIN parent AS p ON u.code = p.code
LEFT JOIN own_code AS o ON starts_with(u.code, o.prefix)
ORDER BY u.code
