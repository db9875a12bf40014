-- One row: a digest of the dimension rows that some file names now, and of their ids.
SELECT
    count(*) AS "rows",
    CAST(sum(md5_number_lower(concat_ws(chr(31), dimension, system, key, id))) AS VARCHAR) AS digest
FROM read_parquet($file, hive_partitioning = FALSE)
WHERE is_present
