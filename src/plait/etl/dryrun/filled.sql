-- One row: a column of a staged file, and in how many of the rows that go on it has a value.
WITH sound AS (
    SELECT *
    FROM read_parquet($path, hive_partitioning = FALSE)
    WHERE reject IS NULL AND "ignore" IS NULL
),

counted AS (
    SELECT count(COLUMNS(*))
    FROM sound
)

UNPIVOT counted
ON COLUMNS(*)
INTO NAME name VALUE rows
