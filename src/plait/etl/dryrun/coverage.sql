-- One row: a code system, how many of its codes and of their records have a standard concept, and why the others have none.
WITH code AS (
    SELECT
        code_system,
        code,
        sum(records) AS records
    FROM study_code
    GROUP BY ALL
),

mapped AS (
    SELECT
        code_system,
        code,
        max(target_concept_id) > 0 AS is_mapped,
        any_value(mapped_by) AS mapped_by
    FROM study_map
    GROUP BY ALL
)

SELECT
    c.code_system,
    count(*) AS codes,
    count(*) FILTER (WHERE m.is_mapped) AS mapped,
    sum(c.records)::BIGINT AS records,
    coalesce(sum(c.records) FILTER (WHERE m.is_mapped), 0)::BIGINT AS mapped_records,
    string_agg(DISTINCT m.mapped_by, ', ' ORDER BY m.mapped_by) FILTER (WHERE NOT m.is_mapped) AS why_not
FROM code AS c
INNER JOIN mapped AS m ON c.code_system = m.code_system AND c.code = m.code
GROUP BY c.code_system
ORDER BY coalesce(sum(c.records) FILTER (WHERE m.is_mapped), 0) / sum(c.records), c.code_system
