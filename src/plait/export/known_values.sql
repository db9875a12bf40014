-- One row: that values of a column are, or hold as a word, an identifier that the study knows, and how many do. A whole number is looked at
-- from six digits on: new ids are small ones.
WITH different AS (
    SELECT
        text_value,
        count(*) AS n
    FROM examined
    WHERE text_value IS NOT NULL AND ($is_text OR length(text_value) >= 6)
    GROUP BY text_value
),

word AS (
    SELECT
        text_value,
        n,
        unnest(
            list_append(
                CASE WHEN $is_text THEN regexp_split_to_array(lower(text_value), '[\s,;:|/\\()\[\]{}"''<>=]+') ELSE [] END,
                lower(text_value)
            )
        ) AS token
    FROM different
),

hit AS (
    SELECT DISTINCT
        w.text_value,
        w.n
    FROM word AS w
    INNER JOIN known AS k ON w.token = k.identifier
)

SELECT
    'an identifier that the study knows' AS label,
    sum(n) AS hits
FROM hit
HAVING sum(n) > 0
