-- One number: how many different texts may hold what identifies: those that have a key word, look like an identifier, or are not in ASCII.
WITH different AS MATERIALIZED (
    SELECT DISTINCT text_value
    FROM looked_at
    WHERE text_value IS NOT NULL
),

spoken AS (
    SELECT unnest(regexp_extract_all(lower(text_value), '[a-z0-9]+')) AS word
    FROM different
)

SELECT
    (SELECT count(*) FROM different WHERE strlen(text_value) != length(text_value) OR regexp_matches(text_value, $patterns))
    + (SELECT count(*) FROM spoken SEMI JOIN key_word AS k ON spoken.word = k.word)
