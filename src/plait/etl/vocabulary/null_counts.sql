-- One row per column of the Parquet file at $path that holds a null, from the file's statistics alone.
SELECT path_in_schema AS column_name
FROM parquet_metadata($path)
GROUP BY path_in_schema
HAVING SUM(stats_null_count) > 0
