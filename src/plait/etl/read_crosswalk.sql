-- crosswalk, one row: a person whom some source has named at some time.
CREATE OR REPLACE TABLE crosswalk AS
SELECT
    system,
    identifier,
    person_id
FROM read_parquet($file, hive_partitioning = FALSE);
