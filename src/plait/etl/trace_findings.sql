-- One row: a finding that a row of the CDM is, or was promoted from: the note, the characters in it, and who read them.
WITH finding AS (
    SELECT $id AS note_nlp_id WHERE $table = 'note_nlp'
    UNION
    SELECT from_row_id
    FROM plait.derivation
    WHERE table_name = $table AND row_id = $id AND from_table = 'note_nlp'
)

SELECT
    n.note_nlp_id,
    n.note_id,
    n."offset",
    CAST(CAST(n."offset" AS BIGINT) + length(n.lexical_variant) AS VARCHAR) AS "end",
    n.lexical_variant,
    n.snippet,
    n.nlp_system
FROM finding AS f
INNER JOIN cdm.note_nlp AS n ON f.note_nlp_id = n.note_nlp_id
ORDER BY n.note_nlp_id
