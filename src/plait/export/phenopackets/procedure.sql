-- One row: a procedure.
SELECT
    p.person_id,
    p.procedure_occurrence_id AS row_id,
    coalesce(t.id, o.id) AS id,
    coalesce(t.label, o.label) AS label,
    moment(p.procedure_datetime, p.procedure_date) AS performed,
    CASE WHEN coalesce(t.id, o.id) IS NOT NULL THEN 'medicalActions.procedure' END AS place,
    CASE WHEN coalesce(t.id, o.id) IS NULL THEN 'no concept' END AS reason
FROM leaving_procedure_occurrence AS p
LEFT JOIN term AS t ON p.procedure_concept_id = t.concept_id
LEFT JOIN term AS o ON p.procedure_source_concept_id = o.concept_id
