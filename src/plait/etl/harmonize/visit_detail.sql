-- One row: an encounter as the source counts encounters.
SELECT
    l.visit_detail_id,
    v.person_id,
    v.visit_concept_id AS visit_detail_concept_id,
    CAST(v.start AS DATE) AS visit_detail_start_date,
    v.start AS visit_detail_start_datetime,
    CAST(greatest(coalesce(v."end", v.start), v.start) AS DATE) AS visit_detail_end_date,
    greatest(coalesce(v."end", v.start), v.start) AS visit_detail_end_datetime,
    coalesce(t.concept_id, 0) AS visit_detail_type_concept_id,
    l.provider_id,
    l.care_site_id,
    coalesce(v.kind, v.code) AS visit_detail_source_value,
    coalesce(v.kind_concept_id, 0) AS visit_detail_source_concept_id,
    CASE WHEN v.admitted_from IS NOT NULL THEN coalesce(af.concept_id, 0) END AS admitted_from_concept_id,
    v.admitted_from AS admitted_from_source_value,
    v.discharged_to AS discharged_to_source_value,
    CASE WHEN v.discharged_to IS NOT NULL THEN coalesce(dt.concept_id, 0) END AS discharged_to_concept_id,
    lag(l.visit_detail_id) OVER (PARTITION BY v.person_id ORDER BY v.n) AS preceding_visit_detail_id,
    CAST(NULL AS BIGINT) AS parent_visit_detail_id,
    l.visit_occurrence_id
FROM visit_row AS v
INNER JOIN visit_link AS l ON v.n = l.n
LEFT JOIN type_concept AS t ON v.type = t.name
LEFT JOIN code_concept AS af ON v.source = af.source AND v.admitted_from_system = af.code_system AND v.admitted_from = af.code
LEFT JOIN code_concept AS dt ON v.source = dt.source AND v.discharged_to_system = dt.code_system AND v.discharged_to = dt.code
ORDER BY l.visit_detail_id
