-- One row: what a concept field of a CDM has, and what the loaded vocabulary makes of it, where that differs: another concept, another concept of
-- the source, several concepts (`fan` counts them), a value, or another table. A concept that the vocabulary does not know stays, and so does one
-- of several that a source's concept maps to: the CDM has a row for each of them. A field that is of one domain takes no concept of another one.
WITH choice AS (
    SELECT
        t.* EXCLUDE (records),
        m.target_concept_id,
        m.source_concept_id AS code_concept_id,
        m.target_domain_id,
        m.value_as_concept_id,
        m.mapped_by
    FROM adopted_term AS t
    INNER JOIN study_map AS m ON t.source = m.source AND t.code_system = m.code_system AND t.code = m.code
    WHERE m.target_concept_id = 0 OR t.wanted_domain IS NULL OR m.target_domain_id IN (SELECT unnest(string_split(t.wanted_domain, ', ')))
    QUALIFY
        rank() OVER (
            PARTITION BY t.source, t.table_name, t.field, t.source_concept_id, t.concept_id, t.source_value ORDER BY m.target_concept_id = 0, t.rank
        ) = 1
),

owned AS (
    SELECT *
    FROM choice
    QUALIFY
        target_concept_id = concept_id
        OR NOT bool_or(target_concept_id = concept_id) OVER (PARTITION BY source, table_name, field, source_concept_id, concept_id, source_value)
),

fanned AS (
    SELECT
        *,
        row_number() OVER same - 1 AS fan,
        count(*) OVER (PARTITION BY source, table_name, field, source_concept_id, concept_id, source_value) AS fans
    FROM owned
    WINDOW same AS (
        PARTITION BY source, table_name, field, source_concept_id, concept_id, source_value ORDER BY target_concept_id, value_as_concept_id
    )
),

told AS (
    SELECT
        f.source,
        f.table_name,
        f.field,
        f.source_concept_id,
        f.concept_id,
        f.source_value,
        f.is_event,
        CAST(f.fan AS INTEGER) AS fan,
        CASE WHEN f.is_event THEN f.fans ELSE 1 END AS fans,
        CASE WHEN f.target_concept_id = 0 AND NOT (f.has_source_concept AND f.is_known) THEN f.concept_id ELSE f.target_concept_id END AS new_concept_id,
        CASE WHEN f.source_concept_id != 0 THEN f.source_concept_id WHEN f.rank = 3 THEN f.code_concept_id ELSE f.concept_id END AS new_source_concept_id,
        f.target_domain_id AS domain_id,
        CASE WHEN f.is_event THEN coalesce(d.table_name, f.table_name) ELSE f.table_name END AS new_table_name,
        CASE WHEN f.is_event THEN f.value_as_concept_id END AS value_as_concept_id,
        f.mapped_by
    FROM fanned AS f
    LEFT JOIN domain_table AS d ON f.target_domain_id = d.domain_id
    WHERE f.is_event OR f.fan = 0
)

SELECT * EXCLUDE (fans)
FROM told
WHERE new_concept_id != concept_id OR new_table_name != table_name OR fans > 1 OR value_as_concept_id IS NOT NULL
ORDER BY ALL
