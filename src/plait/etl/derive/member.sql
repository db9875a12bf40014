-- member, one row: a span and the start of the era that it belongs to: a span joins the era before it if it begins
-- at most $gap days after the latest end so far (without $gap: always). The spans are in the view `span`: person_id,
-- series (what an era is of), start, "end", from_table and from_row_id (the CDM row). Spans that begin on one day
-- need no further order: whichever comes first may begin the era, and RANGE takes all of that day into it, although the
-- two windows may sort them differently.
CREATE OR REPLACE TEMP TABLE member AS
WITH reached AS (
    SELECT
        *,
        max("end") OVER (PARTITION BY person_id, series ORDER BY start ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach
    FROM span
)

SELECT
    *,
    max(CASE WHEN reach IS NULL OR start > reach + CAST($gap AS INTEGER) THEN start END) OVER (
        PARTITION BY person_id, series ORDER BY start RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS era_start
FROM reached;
