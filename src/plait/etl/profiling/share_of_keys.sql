-- One row: the share of a column's distinct values that are keys of another file.
WITH value AS (
    SELECT DISTINCT value
    FROM profiled
),

key AS (
    SELECT DISTINCT value
    FROM profiled_key
)

SELECT coalesce(count(k.value) / nullif(count(*), 0), 0) AS share
FROM value AS v
LEFT JOIN key AS k ON v.value = k.value
