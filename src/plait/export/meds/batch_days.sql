-- One row: a day on which rows of tables of events became known of so many persons that it is no person's: of one in ten, of eleven at the least. A
-- source was delivered on it. Whoever knows that day would read everybody's shift from it.
WITH known AS (
    SELECT
        CAST(m.known_time AS DATE) AS known_day,
        m.person_id
    FROM plait.row_meta AS m
    SEMI JOIN pseudonym AS s ON m.person_id = s.person_id
    WHERE list_contains($tables, m.table_name)
    UNION
    SELECT
        CAST(m.end_known_time AS DATE) AS known_day,
        m.person_id
    FROM plait.row_meta AS m
    SEMI JOIN pseudonym AS s ON m.person_id = s.person_id
    WHERE list_contains($tables, m.table_name)
)

SELECT known_day
FROM known
WHERE known_day IS NOT NULL
GROUP BY known_day
HAVING count(*) >= greatest(11, (SELECT count(*) FROM pseudonym) / 10)
