-- One row: a table of the CDM, its rows that findings in notes became, and how many findings these were.
SELECT
    table_name AS "table",
    count(DISTINCT row_id) AS events,
    count(DISTINCT from_row_id) AS findings
FROM plait.derivation
WHERE from_table = 'note_nlp'
GROUP BY table_name
ORDER BY table_name
