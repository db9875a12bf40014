-- One row: a person's birth, shifted as all dates of the person are; of a person who got older than 89 in the records, the year in
-- which the person would be 90 at the last of them, and no more (45 CFR 164.514(b)(2)(i)(C)). An unknown month or day stays unknown, and is unknown
-- where it stands in the place of one: where one in twenty, of eleven persons at the least, is born on the same day of a year, that day is no birthday,
-- and everybody knows it (1 January), so that its shift would be the person's.
WITH last_seen AS (
    SELECT
        person_id,
        max(seen) AS seen
    FROM (
        SELECT
            person_id,
            observation_period_end_date AS seen
        FROM cdm.observation_period
        WHERE NOT is_placeholder(observation_period_end_date, person_id IN (SELECT a.person_id FROM plait.time_anchor AS a))
        UNION ALL
        SELECT
            person_id,
            record_date AS seen
        FROM record_day
    )
    GROUP BY person_id
),

born AS (
    SELECT
        p.person_id,
        s.shift_days,
        s.is_anchored,
        l.seen,
        p.month_of_birth,
        p.day_of_birth,
        p.birth_datetime,
        coalesce(
            CAST(p.birth_datetime AS DATE),
            TRY(make_date(CAST(p.year_of_birth AS INTEGER), CAST(coalesce(p.month_of_birth, 7) AS INTEGER), CAST(coalesce(p.day_of_birth, 1) AS INTEGER)))
        ) AS birth
    FROM cdm.person AS p
    INNER JOIN pseudonym AS s ON p.person_id = s.person_id
    LEFT JOIN last_seen AS l ON p.person_id = l.person_id
),

aged AS (
    SELECT
        *,
        coalesce(date_sub('year', birth, seen) > 89, FALSE) AS is_old,
        coalesce(
            greatest(11, count(*) OVER () / 20) <= count(*) OVER (PARTITION BY month(birth), day(birth)) OR is_placeholder(birth, is_anchored), FALSE
        ) AS is_filled,
        shifted_date(birth, shift_days, is_anchored) AS shifted
    FROM born
)

SELECT
    person_id,
    is_old,
    CAST(CASE WHEN is_old THEN year(shifted_date(seen, shift_days, is_anchored)) - 90 ELSE year(shifted) END AS BIGINT) AS year_of_birth,
    CAST(CASE WHEN NOT is_old AND NOT is_filled AND month_of_birth IS NOT NULL THEN month(shifted) END AS BIGINT) AS month_of_birth,
    CAST(CASE WHEN NOT is_old AND NOT is_filled AND day_of_birth IS NOT NULL THEN day(shifted) END AS BIGINT) AS day_of_birth,
    CASE WHEN NOT is_old AND NOT is_filled THEN shifted_datetime(birth_datetime, shift_days, is_anchored) END AS birth_datetime
FROM aged
