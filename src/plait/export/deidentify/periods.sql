-- One row: a period with the days that may be shifted: where periods begin or end by the calendar, the first and the last day of which the person has a
-- record. A period that has none of its own days left is not there.
WITH recorded AS (
    SELECT
        p.id,
        min(r.first_day) AS first_day,
        max(r.last_day) AS last_day
    FROM a_period AS p
    INNER JOIN record_day AS r ON p.person_id = r.person_id AND (NOT $within OR r.first_day BETWEEN p.began AND p.ended)
    GROUP BY p.id
),

told AS (
    SELECT
        p.id,
        CASE WHEN $starts THEN least(r.first_day, CASE WHEN NOT $ends THEN p.ended END) ELSE p.began END AS began,
        CASE WHEN $ends THEN greatest(r.last_day, CASE WHEN NOT $starts THEN p.began END) ELSE p.ended END AS ended
    FROM a_period AS p
    LEFT JOIN recorded AS r ON p.id = r.id
)

SELECT *
FROM told
WHERE began IS NOT NULL AND ended IS NOT NULL
