-- One row: a value of a measurement with a concept, in its unit, and the source that it was loaded from, the first of several.
SELECT
    min(f.source) AS group_name,
    any_value(m.measurement_concept_id) AS measurement_concept_id,
    coalesce(any_value(m.unit_concept_id), 0) AS unit_concept_id,
    any_value(m.value_as_number) AS value_as_number
FROM cdm.measurement AS m
INNER JOIN plait.lineage AS l ON l.table_name = 'measurement' AND m.measurement_id = l.row_id
INNER JOIN plait.files AS f ON l.file_id = f.file_id
WHERE m.value_as_number IS NOT NULL AND m.measurement_concept_id <> 0
GROUP BY m.measurement_id
