-- One row: a text that as many hold as the smallest cell: persons who are exported, or, in a table of places or providers, its rows. It is a code or a
-- word, and nobody's own.
SELECT text_value
FROM holder_text
WHERE text_value IS NOT NULL
GROUP BY text_value
HAVING count(DISTINCT holder) >= $min_cell
