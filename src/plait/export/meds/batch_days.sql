-- One row: a day on which rows of tables of events became known of so many persons that it is no person's: of one in ten, of eleven at the least. A
-- source was delivered on it. Whoever knows that day would read everybody's shift from it. Persons are told apart only on days of as many rows.
WITH known AS (
    SELECT
        CAST(m.known_time AS DATE) AS known_day,
        m.person_id
    FROM plait.row_meta AS m
    WHERE list_contains($tables, m.table_name) AND m.known_time IS NOT NULL
    UNION ALL
    SELECT
        CAST(m.end_known_time AS DATE) AS known_day,
        m.person_id
    FROM plait.row_meta AS m
    WHERE list_contains($tables, m.table_name) AND m.end_known_time IS NOT NULL
),

enough AS (
    SELECT greatest(11, count(*) / 10) AS persons
    FROM pseudonym
),

busy AS (
    SELECT known_day
    FROM known
    GROUP BY known_day
    HAVING count(*) >= (SELECT persons FROM enough)
)

SELECT k.known_day
FROM known AS k
SEMI JOIN busy AS b ON k.known_day = b.known_day
SEMI JOIN pseudonym AS s ON k.person_id = s.person_id
GROUP BY k.known_day
HAVING count(DISTINCT k.person_id) >= (SELECT persons FROM enough)
