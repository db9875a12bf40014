-- One row: the first year by which as many persons were observed as the smallest cell, and the last year since which so many were, as their dates leave.
WITH span AS (
    SELECT
        o.person_id,
        year(min(o.observation_period_start_date + to_days(s.shift_days))) AS first_year,
        year(max(o.observation_period_end_date + to_days(s.shift_days))) AS last_year
    FROM cdm.observation_period AS o
    INNER JOIN pseudonym AS s ON o.person_id = s.person_id
    GROUP BY o.person_id
)

SELECT
    list_sort(list(first_year))[$min_cell] AS first_year,
    list_reverse_sort(list(last_year))[$min_cell] AS last_year
FROM span
