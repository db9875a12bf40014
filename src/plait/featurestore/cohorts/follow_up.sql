-- One row: a row that asks, the end of the observation period that holds its moment (its last microsecond; null where none does), and
-- when its person died. It looks into the future: for labels only.
SELECT
    a.place,
    max(CAST(o.observation_period_end_date AS TIMESTAMP)) + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND AS observed_until,
    any_value(d.event_time) AS died
FROM asked AS a
LEFT JOIN cdm.observation_period AS o
    ON a.person_id = o.person_id AND CAST(a.moment AS DATE) BETWEEN o.observation_period_start_date AND o.observation_period_end_date
LEFT JOIN death_of AS d ON a.person_id = d.person_id
GROUP BY a.place
ORDER BY a.place
