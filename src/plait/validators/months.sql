-- One row: a month with less than a tenth, or more than ten times, of the rows that the months around it have; not the first
-- and the last month, which may be in part. Where months have fewer than ten rows, nothing is said.
WITH counted AS (
    SELECT
        date_trunc('month', happened) AS month,
        count(*) AS n
    FROM dated_row
    WHERE happened IS NOT NULL
    GROUP BY ALL
),

span AS (
    SELECT unnest(generate_series(min(month), max(month), INTERVAL 1 MONTH)) AS month
    FROM counted
),

around AS (
    SELECT
        s.month,
        coalesce(c.n, 0) AS n,
        median(coalesce(c.n, 0)) OVER (ORDER BY s.month ROWS BETWEEN 6 PRECEDING AND 6 FOLLOWING) AS usual,
        row_number() OVER (ORDER BY s.month) AS place,
        count(*) OVER () AS months
    FROM span AS s
    LEFT JOIN counted AS c ON s.month = c.month
)

SELECT
    CAST(month AS DATE) AS month,
    n AS row_count,
    usual AS usual_count
FROM around
WHERE place > 1 AND place < months AND usual >= 10 AND (n * 10 < usual OR n > usual * 10)
