-- One row: a person's death, and when it became known; the earliest, should there be several. Where only the day is told, it is the
-- end of that day: whoever was seen on it was alive.
SELECT
    d.person_id,
    min(d.moment) AS event_time,
    min(greatest(d.moment, coalesce(m.known_time, d.moment))) AS known_time
FROM (
    SELECT
        person_id,
        CASE
            WHEN death_datetime != CAST(death_date AS TIMESTAMP) THEN death_datetime
            ELSE CAST(death_date AS TIMESTAMP) + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND
        END AS moment
    FROM cdm.death
) AS d
LEFT JOIN plait.row_meta AS m ON m.table_name = 'death' AND d.person_id = m.person_id
GROUP BY d.person_id
