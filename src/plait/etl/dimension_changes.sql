-- dimension_change, one row: a dimension row that came or went since the version before.
CREATE OR REPLACE TEMP TABLE dimension_change AS
SELECT
    n.dimension,
    n.system,
    n.key
FROM read_parquet($now, hive_partitioning = FALSE) AS n
LEFT JOIN read_parquet($before, hive_partitioning = FALSE) AS b ON n.dimension = b.dimension AND n.system = b.system AND n.key = b.key
WHERE n.is_present IS DISTINCT FROM coalesce(b.is_present, FALSE);
