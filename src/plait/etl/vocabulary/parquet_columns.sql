-- One row per column of the Parquet file at $path: its name and its DuckDB type.
DESCRIBE SELECT * FROM read_parquet($path, hive_partitioning = FALSE)
