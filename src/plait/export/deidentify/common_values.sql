-- One row: a text that at least as many persons have as the smallest cell of a table that is exported: a code or a word, and nobody's own.
SELECT t.text_value
FROM person_text AS t
INNER JOIN pseudonym AS s ON t.person_id = s.person_id
WHERE t.text_value IS NOT NULL
GROUP BY t.text_value
HAVING count(DISTINCT t.person_id) >= $min_cell
