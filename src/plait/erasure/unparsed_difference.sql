-- One row: how many readings of a staged file are no numbers.
INSERT INTO notice_difference
SELECT
    any_value(source),
    any_value(file),
    'unparsed_number',
    NULL,
    $sign * CAST(coalesce(sum(unparsed), 0) AS BIGINT)
FROM read_parquet($path, hive_partitioning = FALSE)
HAVING coalesce(sum(unparsed), 0) > 0;
