-- One row: a word without which a text in ASCII holds nothing of what must stand nowhere: the longest of the words that are looked for, or all of them
-- in one. What is looked for is as in `telling.py`, and what the vocabulary or many persons share is among it.
WITH spoken AS (
    SELECT DISTINCT
        kind,
        regexp_extract_all(lower(text_value), '[a-z0-9]+') AS words
    FROM known_text
),

joined AS (
    SELECT
        kind,
        words,
        array_to_string(words, '') AS word,
        regexp_matches(array_to_string(words, ''), '\d') AS has_digit
    FROM spoken
),

telling AS (
    SELECT
        words,
        word
    FROM joined
    WHERE
        length(word) >= $shortest
        AND CASE kind
            WHEN 'name' THEN len(words) > 1
            WHEN 'address' THEN has_digit AND len(words) > 1
            WHEN 'place' THEN FALSE
            ELSE NOT regexp_full_match(word, '\d{1,5}') AND (has_digit OR kind IN ('number', 'email'))
        END
),

each AS (
    SELECT
        words,
        unnest(words) AS word
    FROM telling
)

SELECT word
FROM telling
UNION
SELECT arg_max(word, length(word)) AS word
FROM each
GROUP BY words
