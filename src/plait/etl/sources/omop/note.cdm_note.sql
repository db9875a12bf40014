-- One row: a note.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_time(note_date, note_datetime) AS start,
    note_id,
    coalesce(cdm_day(note_date), cdm_day(note_datetime)) AS note_date,
    note_datetime,
    note_type_concept_id,
    note_class_concept_id,
    note_title,
    note_text,
    encoding_concept_id,
    language_concept_id,
    provider_id,
    visit_occurrence_id,
    visit_detail_id,
    note_source_value,
    note_event_id,
    note_event_field_concept_id
FROM note
