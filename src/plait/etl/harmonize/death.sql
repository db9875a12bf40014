-- death_row, one row: a death record with its place: the first by rank gives the date, the first with a
-- cause the cause. A record before birth is rejected.
CREATE OR REPLACE TEMP TABLE death_row AS
SELECT
    d.*,
    CAST(d.start AS DATE) < make_date(b.year_of_birth, b.month_of_birth, b.day_of_birth) AS before_birth,
    row_number() OVER (
        PARTITION BY d.person_id, before_birth IS TRUE
        ORDER BY d.rank NULLS LAST, d.start, d.source, d.digest
    ) AS place
FROM live_death AS d
LEFT JOIN person_written AS b ON d.person_id = b.person_id;

-- adopted_death, one row: a death that a row of a CDM tells, and none that goes before it.
CREATE OR REPLACE TEMP VIEW adopted_death AS
SELECT *
FROM death_row
WHERE place = 1 AND before_birth IS NOT TRUE AND death_date IS NOT NULL;
