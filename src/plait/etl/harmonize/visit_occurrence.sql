-- One row: a visit, from the start of its first encounter to the end of its last; a visit without an end
-- ends when it began.
SELECT
    g.visit_occurrence_id,
    v.person_id,
    v.visit_concept_id,
    CAST(v.start AS DATE) AS visit_start_date,
    v.start AS visit_start_datetime,
    CAST(greatest(coalesce(g."end", v.start), v.start) AS DATE) AS visit_end_date,
    greatest(coalesce(g."end", v.start), v.start) AS visit_end_datetime,
    coalesce(t.concept_id, 0) AS visit_type_concept_id,
    l.provider_id,
    l.care_site_id,
    v.code AS visit_source_value,
    0 AS visit_source_concept_id,
    CASE WHEN v.admitted_from IS NOT NULL THEN coalesce(af.concept_id, 0) END AS admitted_from_concept_id,
    v.admitted_from AS admitted_from_source_value,
    CASE WHEN v.discharged_to IS NOT NULL THEN coalesce(dt.concept_id, 0) END AS discharged_to_concept_id,
    v.discharged_to AS discharged_to_source_value,
    lag(g.visit_occurrence_id) OVER (PARTITION BY v.person_id ORDER BY v.n) AS preceding_visit_occurrence_id
FROM visit_group AS g
INNER JOIN visit_row AS v ON g.leader = v.n
INNER JOIN visit_link AS l ON g.leader = l.n
LEFT JOIN type_concept AS t ON v.type = t.name
LEFT JOIN code_concept AS af ON v.source = af.source AND v.admitted_from_system = af.code_system AND v.admitted_from = af.code
LEFT JOIN code_concept AS dt ON v.source = dt.source AND v.discharged_to_system = dt.code_system AND v.discharged_to = dt.code
ORDER BY g.visit_occurrence_id
