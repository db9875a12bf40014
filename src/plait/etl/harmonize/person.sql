-- One row: a person of whom a record of any source tells. A row of a CDM is adopted as it is (see adopt.py).
SELECT
    p.person_id,
    coalesce(g.concept_id, 0) AS gender_concept_id,
    year(p.birth) AS year_of_birth,
    month(p.birth) AS month_of_birth,
    day(p.birth) AS day_of_birth,
    p.birth AS birth_datetime,
    coalesce(r.concept_id, 0) AS race_concept_id,
    coalesce(e.concept_id, 0) AS ethnicity_concept_id,
    lo.id AS location_id,
    pr.id AS provider_id,
    cs.id AS care_site_id,
    p.person AS person_source_value,
    p.gender AS gender_source_value,
    coalesce(g.source_concept_id, 0) AS gender_source_concept_id,
    p.race AS race_source_value,
    coalesce(r.source_concept_id, 0) AS race_source_concept_id,
    p.ethnicity AS ethnicity_source_value,
    coalesce(e.source_concept_id, 0) AS ethnicity_source_concept_id
FROM chosen_person AS p
LEFT JOIN code_concept AS g ON p.source = g.source AND p.gender_system = g.code_system AND p.gender = g.code
LEFT JOIN code_concept AS r ON p.source = r.source AND p.race_system = r.code_system AND p.race = r.code
LEFT JOIN code_concept AS e ON p.source = e.source AND p.ethnicity_system = e.code_system AND p.ethnicity = e.code
LEFT JOIN dimension_id AS lo ON lo.dimension = 'location' AND p.system = lo.system AND p.location = lo.key
LEFT JOIN dimension_id AS pr ON pr.dimension = 'provider' AND p.system = pr.system AND p.provider = pr.key
LEFT JOIN dimension_id AS cs ON cs.dimension = 'care_site' AND p.system = cs.system AND p.care_site = cs.key
WHERE p.year_of_birth IS NULL
ORDER BY p.person_id
