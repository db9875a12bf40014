-- One row: an extractor, and what it found in notes.
SELECT
    nlp_system AS system,
    count(DISTINCT note_id) AS notes,
    count(*) AS findings,
    count(*) FILTER (note_nlp_concept_id != 0) AS with_concept,
    count(*) FILTER (term_exists = 'N') AS not_there,
    count(*) FILTER (term_temporal = 'past') AS past
FROM cdm.note_nlp
GROUP BY nlp_system
ORDER BY nlp_system
