-- One row: how many rows come and go in a table whose rows have no id; none of them changes.
WITH counted AS (
    SELECT sum(side) AS surplus
    FROM (
        SELECT 1 AS side, rows_now AS content FROM rows_now
        UNION ALL
        SELECT -1 AS side, rows_before AS content FROM rows_before
    )
    GROUP BY content
)

SELECT
    coalesce(sum(surplus) FILTER (surplus > 0), 0) AS inserted,
    0 AS updated,
    coalesce(-sum(surplus) FILTER (surplus < 0), 0) AS deleted
FROM counted
