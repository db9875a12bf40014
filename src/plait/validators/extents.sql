-- One row: a column of a table's Parquet files: in how many of them, its rows and its values, and the least and the greatest of whole
-- numbers (as text) and of times, as the files tell these of their row groups; null where one of these does not tell.
WITH behind AS (
    SELECT
        unnest($files) AS file_name,
        unnest($tables) AS table_name
),

told AS (
    SELECT
        b.table_name,
        lower(m.path_in_schema) AS column_name,
        m.file_name,
        m.num_values,
        m.num_values - m.stats_null_count AS filled,
        TRY_CAST(m.stats_min_value AS BIGINT) AS low_number,
        TRY_CAST(m.stats_max_value AS BIGINT) AS high_number,
        TRY_CAST(m.stats_min_value AS TIMESTAMP) AS low_time,
        TRY_CAST(m.stats_max_value AS TIMESTAMP) AS high_time,
        m.type IN ('INT32', 'INT64') AS is_whole
    FROM parquet_metadata($files) AS m
    INNER JOIN behind AS b ON m.file_name = b.file_name
)

SELECT
    table_name,
    column_name,
    count(DISTINCT file_name) AS file_count,
    CAST(sum(num_values) AS BIGINT) AS row_count,
    CASE WHEN bool_and(filled IS NOT NULL) THEN CAST(sum(filled) AS BIGINT) END AS filled,
    CASE WHEN bool_and(is_whole AND (filled = 0 OR (low_number <= high_number))) THEN CAST(min(low_number) AS VARCHAR) END AS low_number,
    CASE WHEN bool_and(is_whole AND (filled = 0 OR (low_number <= high_number))) THEN CAST(max(high_number) AS VARCHAR) END AS high_number,
    CASE WHEN bool_and(is_whole AND (filled = 0 OR (low_time <= high_time))) THEN CAST(min(low_time) AS VARCHAR) END AS low_time,
    CASE WHEN bool_and(is_whole AND (filled = 0 OR (low_time <= high_time))) THEN CAST(max(high_time) AS VARCHAR) END AS high_time
FROM told
GROUP BY ALL
