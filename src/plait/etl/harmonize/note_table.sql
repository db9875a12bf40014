-- One row: a note.
SELECT
    note_id,
    person_id,
    CAST(start AS DATE) AS note_date,
    start AS note_datetime,
    type_concept_id AS note_type_concept_id,
    note_class_concept_id,
    title AS note_title,
    body AS note_text,
    encoding_concept_id,
    language_concept_id,
    provider_id,
    visit_occurrence_id,
    visit_detail_id,
    document_type AS note_source_value,
    CAST(NULL AS BIGINT) AS note_event_id,
    CAST(NULL AS BIGINT) AS note_event_field_concept_id
FROM note_row
