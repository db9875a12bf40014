-- code_change, one row: a code that means something else than it did, or whose drug is made of something else.
-- One that came or went is none: the rows that name it came or went with it.
CREATE OR REPLACE TEMP TABLE code_change AS
SELECT
    n.source,
    n.code_system,
    n.code
FROM read_parquet($now, hive_partitioning = FALSE) AS n
INNER JOIN read_parquet($before, hive_partitioning = FALSE) AS b ON n.source = b.source AND n.code_system = b.code_system AND n.code = b.code
WHERE n.digest != b.digest;
