-- One row: what was found in a note; the note says whose it is.
WITH owner AS (
    SELECT
        cdm_id(note_id) AS note_id,
        cdm_one(min(cdm_id(person_id)), max(cdm_id(person_id))) AS person
    FROM note
    GROUP BY cdm_id(note_id)
)

SELECT
    t._pointer,
    o.person,
    cdm_time(t.nlp_date, t.nlp_datetime) AS start,
    t.note_nlp_id,
    t.note_id,
    t.section_concept_id,
    t.snippet,
    t."offset",
    t.lexical_variant,
    t.note_nlp_concept_id,
    t.note_nlp_source_concept_id,
    t.nlp_system,
    coalesce(cdm_day(t.nlp_date), cdm_day(t.nlp_datetime)) AS nlp_date,
    t.nlp_datetime,
    t.term_exists,
    t.term_temporal,
    t.term_modifiers,
    CASE WHEN o.person IS NULL THEN 'unknown_owner' END AS _reject
FROM note_nlp AS t
LEFT JOIN owner AS o ON cdm_id(t.note_id) = o.note_id
