-- One row: the id of a dimension row, and whether some file names it now.
SELECT
    i.dimension,
    i.system,
    i.key,
    i.id,
    s.key IS NOT NULL AS is_present
FROM dimension_id AS i
LEFT JOIN (
    SELECT DISTINCT 'location' AS dimension, system, key FROM staged_location
    UNION ALL
    SELECT DISTINCT 'care_site', system, key FROM staged_care_site
    UNION ALL
    SELECT DISTINCT 'provider', system, key FROM staged_provider
    UNION ALL
    SELECT DISTINCT 'feature', system, key FROM staged_feature
) AS s ON i.dimension = s.dimension AND i.system = s.system AND i.key = s.key
ORDER BY ALL
