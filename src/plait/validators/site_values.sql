-- One row: a value of a measurement with a concept, in its unit, and the care site of its visit.
SELECT
    v.care_site_id AS group_name,
    m.measurement_concept_id,
    coalesce(m.unit_concept_id, 0) AS unit_concept_id,
    m.value_as_number
FROM cdm.measurement AS m
INNER JOIN cdm.visit_occurrence AS v ON m.visit_occurrence_id = v.visit_occurrence_id
WHERE m.value_as_number IS NOT NULL AND m.measurement_concept_id <> 0 AND v.care_site_id IS NOT NULL
