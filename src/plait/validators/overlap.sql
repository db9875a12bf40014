-- One row: the number of persons with two observation periods that overlap or follow one another without a day between.
SELECT count(DISTINCT a.person_id) AS violated
FROM cdm.observation_period AS a
INNER JOIN cdm.observation_period AS b
    ON
        a.person_id = b.person_id
        AND a.observation_period_id <> b.observation_period_id
        AND CAST(a.observation_period_start_date AS DATE) - 1 <= CAST(b.observation_period_end_date AS DATE)
        AND CAST(a.observation_period_end_date AS DATE) + 1 >= CAST(b.observation_period_start_date AS DATE)
