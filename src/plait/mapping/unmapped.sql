-- One row: a wanted code with what names it, its rows and persons, most rows first. What its source hints at counts as its
-- domain, by most of its rows; else the domain of the attribute that names it (attribute_domains.csv).
WITH named AS (
    SELECT
        s.source,
        s.code_system,
        s.code,
        s.shape || '.' || s.attribute AS attribute,
        coalesce(s.hint, d.domain_id) AS domain_id,
        coalesce(d.is_strict, FALSE) AS is_strict,
        coalesce(p.person_id, s.person_id) AS person_id
    FROM coded AS s
    SEMI JOIN wanted_code AS w ON s.source = w.source AND s.code_system = w.code_system AND s.code = w.code
    LEFT JOIN attribute_domain AS d ON s.attribute = d.attribute AND d.shape IN ('*', s.shape)
    LEFT JOIN present AS p ON s.system = p.system AND s.person = p.identifier
),

hint AS (
    SELECT
        source,
        code_system,
        code,
        domain_id,
        bool_and(is_strict) AS is_strict
    FROM named
    GROUP BY source, code_system, code, domain_id
    QUALIFY row_number() OVER (PARTITION BY source, code_system, code ORDER BY domain_id IS NULL, count(*) DESC, domain_id) = 1
),

counted AS (
    SELECT
        source,
        code_system,
        code,
        string_agg(DISTINCT attribute, ', ' ORDER BY attribute) AS named_by,
        count(*) AS "rows",
        count(DISTINCT person_id) AS persons
    FROM named
    GROUP BY source, code_system, code
)

SELECT
    w.source,
    w.code_system,
    w.code,
    w.display,
    w.reason,
    h.domain_id,
    coalesce(h.is_strict, FALSE) AS is_strict,
    c.named_by,
    coalesce(c."rows", 0) AS "rows",
    coalesce(c.persons, 0) AS persons,
    w.vocabulary_id,
    w.source_concept_id,
    w.target_concept_id
FROM wanted_code AS w
LEFT JOIN counted AS c ON w.source = c.source AND w.code_system = c.code_system AND w.code = c.code
LEFT JOIN hint AS h ON w.source = h.source AND w.code_system = h.code_system AND w.code = h.code
WHERE ($source IS NULL OR w.source = $source)
    AND ($system IS NULL OR w.code_system = $system)
    AND ($domain IS NULL OR h.domain_id = $domain)
    AND ($reason IS NULL OR w.reason = $reason)
    AND coalesce(c."rows", 0) >= $least_rows
ORDER BY coalesce(c."rows", 0) DESC, w.source, w.code_system, w.code
