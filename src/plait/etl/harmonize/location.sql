-- One row: an address.
SELECT
    i.id AS location_id,
    s.address_1,
    s.address_2,
    s.city,
    s.state,
    s.zip,
    s.county,
    s.source_value AS location_source_value,
    CASE WHEN s.country IS NOT NULL THEN coalesce(c.concept_id, 0) END AS country_concept_id,
    s.country AS country_source_value,
    s.latitude,
    s.longitude
FROM live_location AS s
INNER JOIN dimension_id AS i ON i.dimension = 'location' AND s.system = i.system AND s.key = i.key
LEFT JOIN code_concept AS c ON s.source = c.source AND s.country_system = c.code_system AND s.country = c.code
WHERE s.location_id IS NULL
ORDER BY i.id
