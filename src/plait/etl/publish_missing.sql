-- One row: how many values of a column the table that it points at lacks, in how many rows they stand, and the first few of them.
-- The views `pointing` (value) and `pointed_at` (value) are made before it runs.
WITH used AS (
    SELECT pointing.value, count(*) AS rows_with_it
    FROM pointing
    WHERE pointing.value IS NOT NULL
    GROUP BY pointing.value
),

missing AS (
    SELECT used.value, used.rows_with_it
    FROM used
    WHERE NOT EXISTS (SELECT 1 FROM pointed_at WHERE pointed_at.value = used.value)
)

SELECT
    count(*) AS missing_values,
    coalesce(sum(missing.rows_with_it), 0) AS rows_with_them,
    list(missing.value ORDER BY missing.value)[:5] AS first_values
FROM missing
