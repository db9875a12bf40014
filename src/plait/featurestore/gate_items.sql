-- One row: an item of an inventory, in its order, with what is wrong with its person or times.
-- A day's tolerance on both sides, and days where known and event times are compared: many have a date only, and zones differ.
WITH life AS (
    SELECT
        p.person_id,
        COALESCE(
            p.birth_datetime,
            MAKE_TIMESTAMP(p.year_of_birth, COALESCE(p.month_of_birth, 1), COALESCE(p.day_of_birth, 1), 0, 0, 0)
        ) AS born,
        d.died
    FROM cdm.person AS p
    LEFT JOIN (
        SELECT
            person_id,
            MIN(CAST(death_date AS TIMESTAMP)) AS died
        FROM cdm.death
        GROUP BY person_id
    ) AS d ON p.person_id = d.person_id
)

SELECT
    CASE
        WHEN l.person_id IS NULL THEN 'not a person of the CDM'
        WHEN i.event_time IS NULL THEN 'no time of its event'
        WHEN i.event_time < l.born - INTERVAL 1 DAY THEN 'more than a day before its person''s birth'
        WHEN i.event_time >= l.died + INTERVAL 2 DAY THEN 'more than a day after its person''s death'
        WHEN CAST(i.known_time AS DATE) < CAST(i.event_time AS DATE) THEN 'known before it happened'
    END AS wrong
FROM gate_items AS i
LEFT JOIN life AS l ON i.person_id = l.person_id
ORDER BY i.place;
