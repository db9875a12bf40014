-- One row: a care site.
SELECT
    i.id AS care_site_id,
    s.care_site_name,
    coalesce(c.concept_id, 0) AS place_of_service_concept_id,
    l.id AS location_id,
    s.care_site AS care_site_source_value,
    s.place_of_service AS place_of_service_source_value
FROM live_care_site AS s
INNER JOIN dimension_id AS i ON i.dimension = 'care_site' AND s.system = i.system AND s.key = i.key
LEFT JOIN dimension_id AS l ON l.dimension = 'location' AND s.system = l.system AND s.location = l.key
LEFT JOIN code_concept AS c ON s.source = c.source AND s.place_of_service_system = c.code_system AND s.place_of_service = c.code
WHERE s.care_site_id IS NULL
ORDER BY i.id
