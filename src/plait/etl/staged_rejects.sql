-- One row: a record that a staged file rejects.
INSERT INTO reject
SELECT DISTINCT
    file_id,
    record,
    source,
    file,
    $shape,
    reject,
    reject_detail,
    FALSE
FROM read_parquet($path, hive_partitioning = FALSE)
WHERE reject IS NOT NULL;
