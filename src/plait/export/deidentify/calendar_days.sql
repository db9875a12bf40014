-- One row: whether periods begin, and whether they end, by the calendar and not by what happened to a person: one in twenty of them, of eleven persons
-- at the least, on the same day of a year.
WITH held AS (
    SELECT
        'began' AS what,
        began AS held_day,
        person_id
    FROM a_period
    UNION ALL
    SELECT
        'ended' AS what,
        ended AS held_day,
        person_id
    FROM a_period
),

shared AS (
    SELECT
        what,
        count(*) * 20 >= (SELECT count(*) FROM a_period) AND count(DISTINCT person_id) >= 11 AS is_calendar
    FROM held
    GROUP BY what, month(held_day), day(held_day)
)

SELECT
    coalesce(bool_or(is_calendar) FILTER (what = 'began'), FALSE) AS starts,
    coalesce(bool_or(is_calendar) FILTER (what = 'ended'), FALSE) AS ends
FROM shared
