-- One row: a discharge summary, or an addendum to one; it is known from storetime on.
SELECT
    n._pointer,
    n.subject_id AS person,
    n.note_id AS note,
    n.charttime AS start,
    n.storetime AS known_time,
    n.hadm_id AS visit,
    n.note_type AS document_type,
    'mimic:note_type' AS document_type_system,
    n.text AS body,
    'UTF-8' AS encoding,
    'en' AS language,
    'ehr_note' AS type
FROM discharge AS n
