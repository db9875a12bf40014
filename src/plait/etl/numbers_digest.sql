-- One row: how many identifiers have the numbers up to $first, and a digest of which has which.
SELECT
    count(*) AS identifiers,
    CAST(sum(md5_number_lower(concat_ws(chr(31), system, identifier, person_id))) AS VARCHAR) AS digest
FROM read_parquet($file, hive_partitioning = FALSE)
WHERE person_id <= $first
