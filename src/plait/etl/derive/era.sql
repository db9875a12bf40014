-- era, one row: an era with its id. gap_days are the days from an end to the next start that no span covers.
CREATE OR REPLACE TEMP TABLE era AS
WITH whole AS (
    SELECT
        person_id,
        series,
        era_start,
        max("end") AS era_end,
        count(*) AS members,
        CAST(coalesce(sum(start - reach) FILTER (start > reach AND start > era_start), 0) AS BIGINT) AS gap_days
    FROM member
    GROUP BY person_id, series, era_start
)

SELECT
    CAST(person_id AS BIGINT) * 4194304 + row_number() OVER (PARTITION BY person_id ORDER BY era_start, series) - 1 AS era_id,
    *
FROM whole
ORDER BY era_id;
