-- One row: a reason by which records of a staged file go no further, and how many do.
INSERT INTO reason_difference
SELECT
    s.source,
    s.file,
    $shape,
    f.fate,
    f.reason,
    $sign * f.records
FROM staged_fates AS f
CROSS JOIN (SELECT any_value(source) AS source, any_value(file) AS file FROM read_parquet($path, hive_partitioning = FALSE)) AS s
WHERE f.fate != 'staged';
