-- One row: a provider.
SELECT
    i.id AS provider_id,
    s.provider_name,
    s.npi,
    s.dea,
    coalesce(sp.concept_id, 0) AS specialty_concept_id,
    cs.id AS care_site_id,
    CAST(NULL AS BIGINT) AS year_of_birth,
    coalesce(g.concept_id, 0) AS gender_concept_id,
    s.provider AS provider_source_value,
    s.specialty AS specialty_source_value,
    coalesce(sp.source_concept_id, 0) AS specialty_source_concept_id,
    s.gender AS gender_source_value,
    coalesce(g.source_concept_id, 0) AS gender_source_concept_id
FROM live_provider AS s
INNER JOIN dimension_id AS i ON i.dimension = 'provider' AND s.system = i.system AND s.key = i.key
LEFT JOIN dimension_id AS cs ON cs.dimension = 'care_site' AND s.system = cs.system AND s.care_site = cs.key
LEFT JOIN code_concept AS sp ON s.source = sp.source AND s.specialty_system = sp.code_system AND s.specialty = sp.code
LEFT JOIN code_concept AS g ON s.source = g.source AND s.gender_system = g.code_system AND s.gender = g.code
WHERE s.provider_id IS NULL
ORDER BY i.id
