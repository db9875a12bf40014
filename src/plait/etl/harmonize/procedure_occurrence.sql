-- One row: a procedure.
SELECT
    row_id AS procedure_occurrence_id,
    person_id,
    concept_id AS procedure_concept_id,
    CAST(start AS DATE) AS procedure_date,
    start AS procedure_datetime,
    CAST("end" AS DATE) AS procedure_end_date,
    "end" AS procedure_end_datetime,
    type_concept_id AS procedure_type_concept_id,
    modifier_concept_id,
    CAST(quantity AS BIGINT) AS quantity,
    provider_id,
    visit_occurrence_id,
    visit_detail_id,
    coalesce(source_value, code) AS procedure_source_value,
    source_concept_id AS procedure_source_concept_id,
    modifier AS modifier_source_value
FROM event_row
WHERE target_table = 'procedure_occurrence'
