-- One row: a row that asks, and the days for which its person had been observed by its moment: the observation period is made anew of
-- what was known by then (visits and facts, spans of cover), so that no record that came later tells on it.
WITH member AS (
    SELECT
        e.person_id,
        CAST(e.event_time AS DATE) AS start,
        CASE WHEN e.table_name = 'visit_occurrence' THEN e.end_day END AS finish,
        e.known_time,
        e.end_known_time
    FROM plait.derivation AS d
    INNER JOIN event AS e ON d.from_table = e.table_name AND d.from_row_id = e.row_id
    WHERE d.table_name = 'observation_period'
    UNION ALL
    SELECT
        p.person_id,
        p.payer_plan_period_start_date,
        p.payer_plan_period_end_date,
        coalesce(m.known_time, CAST(p.payer_plan_period_start_date AS TIMESTAMP)),
        coalesce(m.end_known_time, CAST(p.payer_plan_period_end_date AS TIMESTAMP))
    FROM plait.derivation AS d
    INNER JOIN cdm.payer_plan_period AS p ON d.from_table = 'payer_plan_period' AND d.from_row_id = p.payer_plan_period_id
    LEFT JOIN plait.row_meta AS m ON m.table_name = 'payer_plan_period' AND p.payer_plan_period_id = m.row_id
    WHERE d.table_name = 'observation_period'
    UNION ALL
    SELECT
        o.person_id,
        o.observation_period_start_date,
        o.observation_period_end_date,
        CAST(o.observation_period_start_date AS TIMESTAMP),
        CAST(o.observation_period_end_date AS TIMESTAMP)
    FROM cdm.observation_period AS o
    ANTI JOIN plait.derivation AS d ON d.table_name = 'observation_period' AND o.observation_period_id = d.row_id
),

seen AS (
    SELECT
        a.place,
        a.moment,
        m.start,
        CASE WHEN m.end_known_time <= a.moment THEN greatest(m.finish, m.start) ELSE m.start END AS finish
    FROM asked AS a
    INNER JOIN member AS m ON a.person_id = m.person_id AND m.known_time <= a.moment AND m.start <= CAST(a.moment AS DATE)
),

stepped AS (
    SELECT
        place,
        moment,
        start,
        max(finish) OVER (PARTITION BY place ORDER BY start, finish ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM seen
)

SELECT
    place,
    max(CAST(moment AS DATE)) - max(start) FILTER (before IS NULL OR ($gap_days IS NOT NULL AND start - before > $gap_days)) AS days
FROM stepped
GROUP BY place
ORDER BY place
