-- One row: a finding in a note; its date is the note's, so that reading the note again changes nothing. OMOP has the words past and present
-- for its time; of what is conditional neither holds.
SELECT
    note_nlp_id,
    note_id,
    section_concept_id,
    snippet,
    CAST(start AS VARCHAR) AS "offset",
    lexical_variant,
    concept_id AS note_nlp_concept_id,
    source_concept_id AS note_nlp_source_concept_id,
    system AS nlp_system,
    CAST(note_time AS DATE) AS nlp_date,
    note_time AS nlp_datetime,
    CASE WHEN is_there THEN 'Y' ELSE 'N' END AS term_exists,
    nullif(temporal, 'hypothetical') AS term_temporal,
    modifiers AS term_modifiers
FROM finding_row
ORDER BY note_nlp_id
