-- One row: a text that as many hold as the smallest cell: persons who are exported, or, in a table of places or providers, its rows. It is a code or a
-- word, and nobody's own. A date is not among them, however many have it: it would stand unshifted beside dates that are. Each text is looked at once.
WITH common AS MATERIALIZED (
    SELECT
        field,
        text_value
    FROM held_text
    WHERE text_value IS NOT NULL
    GROUP BY
        field,
        text_value
    HAVING count(DISTINCT holder) >= $min_cell
)

SELECT
    field,
    text_value
FROM common
WHERE NOT regexp_matches(text_value, $dated)
