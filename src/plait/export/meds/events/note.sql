-- One row: a note, of the class or else the title that it has, with what of its text may leave.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    70 AS place,
    moment(note_date, note_datetime) AS time,
    note_class_concept_id AS concept_id,
    note_title AS source_value,
    nullif(note_text, getvariable('withheld')) AS text_value,
    known_time,
    visit_occurrence_id AS visit_id,
    note_type_concept_id AS type_concept_id,
    note_id AS row_id
FROM leaving_note
