-- release_change, one row: a code that means something else by the new release (now) than by the old one (before), or whose
-- concept has another name; what kind of change it is, and whether rows of the CDM follow from it.
CREATE OR REPLACE TEMP TABLE release_change AS
SELECT
    n.source,
    n.code_system,
    n.code,
    n.display,
    CASE
        WHEN n.is_site_mapped AND b.is_standard AND NOT n.is_standard THEN 'stale_mapping'
        WHEN b.concepts IS NOT NULL AND n.concepts IS NULL THEN 'retired'
        WHEN b.concepts IS NULL AND n.concepts IS NOT NULL THEN 'mapped'
        WHEN b.concepts != n.concepts THEN 'remapped'
        WHEN b.domains != n.domains OR (b.domains IS NULL) != (n.domains IS NULL) THEN 'moved'
        WHEN b.source_concept_id != n.source_concept_id OR (b.value_concepts IS DISTINCT FROM n.value_concepts) THEN 'recoded'
        WHEN b.digest != n.digest THEN 'ingredients'
        ELSE 'renamed'
    END AS kind,
    b.digest != n.digest AS is_recomputed,
    coalesce(b.concepts, []) AS concepts_before,
    coalesce(n.concepts, []) AS concepts_after,
    coalesce(b.names, []) AS names_before,
    coalesce(n.names, []) AS names_after,
    coalesce(b.domains, []) AS domains_before,
    coalesce(n.domains, []) AS domains_after
FROM meaning_now AS n
INNER JOIN meaning_before AS b ON n.source = b.source AND n.code_system = b.code_system AND n.code = b.code
WHERE b.digest != n.digest
    OR (b.names IS DISTINCT FROM n.names)
    OR (n.is_site_mapped AND b.is_standard AND NOT n.is_standard);
