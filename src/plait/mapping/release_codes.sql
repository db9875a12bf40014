-- One row: a changed code with the rows and persons that name it, and the tables that its events stood in and will stand in;
-- an event without a concept stands where most of its rows hint. New names alone come last.
WITH counted AS (
    SELECT
        source,
        code_system,
        code,
        string_agg(DISTINCT attribute, ', ' ORDER BY attribute) AS named_by,
        bool_or(starts_with(attribute, 'event.code') OR starts_with(attribute, 'event.alternative')) AS is_event,
        count(*) AS "rows",
        count(DISTINCT person_id) AS persons
    FROM named_change
    GROUP BY source, code_system, code
),

hinted AS (
    SELECT
        source,
        code_system,
        code,
        hint
    FROM named_change
    WHERE hint IS NOT NULL
    GROUP BY source, code_system, code, hint
    QUALIFY row_number() OVER (PARTITION BY source, code_system, code ORDER BY count(*) DESC, hint) = 1
),

place AS (
    SELECT
        c.source,
        c.code_system,
        c.code,
        list(DISTINCT d.table_name ORDER BY d.table_name) FILTER (x.is_after) AS tables_after,
        list(DISTINCT d.table_name ORDER BY d.table_name) FILTER (NOT x.is_after) AS tables_before
    FROM release_change AS c
    LEFT JOIN hinted AS h ON c.source = h.source AND c.code_system = h.code_system AND c.code = h.code
    CROSS JOIN LATERAL (
        SELECT
            TRUE AS is_after,
            unnest(CASE WHEN len(c.domains_after) > 0 THEN c.domains_after ELSE [h.hint] END) AS domain_id
        UNION ALL
        SELECT
            FALSE AS is_after,
            unnest(CASE WHEN len(c.domains_before) > 0 THEN c.domains_before ELSE [h.hint] END) AS domain_id
    ) AS x
    INNER JOIN domain_table AS d ON x.domain_id = d.domain_id
    GROUP BY c.source, c.code_system, c.code
)

SELECT
    c.source,
    c.code_system,
    c.code,
    c.display,
    c.kind,
    c.is_recomputed,
    c.concepts_before,
    c.concepts_after,
    c.names_before,
    c.names_after,
    c.domains_before,
    c.domains_after,
    CASE WHEN n.is_event THEN coalesce(p.tables_before, []) ELSE [] END AS tables_before,
    CASE WHEN n.is_event THEN coalesce(p.tables_after, []) ELSE [] END AS tables_after,
    n.named_by,
    coalesce(n."rows", 0) AS "rows",
    coalesce(n.persons, 0) AS persons
FROM release_change AS c
LEFT JOIN counted AS n ON c.source = n.source AND c.code_system = n.code_system AND c.code = n.code
LEFT JOIN place AS p ON c.source = p.source AND c.code_system = p.code_system AND c.code = p.code
ORDER BY c.kind = 'renamed', coalesce(n."rows", 0) DESC, c.source, c.code_system, c.code
