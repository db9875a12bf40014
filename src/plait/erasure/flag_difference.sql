-- One row: what was noticed of the images of a staged file that are left out.
INSERT INTO notice_difference
SELECT
    s.source,
    s.file,
    f.flag,
    NULL,
    $sign * f.records
FROM ignored_flags AS f
CROSS JOIN (SELECT any_value(source) AS source, any_value(file) AS file FROM read_parquet($path, hive_partitioning = FALSE)) AS s;
