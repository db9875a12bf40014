-- One row: a column, a vocabulary, and the share of the column's values that the vocabulary has as codes, with or without their points.
WITH total AS (
    SELECT
        file,
        name,
        count(*) AS codes
    FROM profiled_code
    GROUP BY file, name
),

code AS (
    SELECT DISTINCT
        vocabulary_id,
        replace(concept_code, '.', '') AS bare
    FROM vocabulary.concept
    WHERE vocabulary_id IN $known
),

hit AS (
    SELECT
        p.file,
        p.name,
        c.vocabulary_id,
        count(*) AS codes
    FROM profiled_code AS p
    INNER JOIN code AS c ON replace(p.value, '.', '') = c.bare
    GROUP BY ALL
)

SELECT
    h.file,
    h.name,
    h.vocabulary_id,
    h.codes / t.codes AS share
FROM hit AS h
INNER JOIN total AS t ON h.file = t.file AND h.name = t.name
ORDER BY ALL
