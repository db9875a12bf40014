-- One row: how many records of a file in a shape were loaded and merged, and the rows written from them.
INSERT INTO ledger_difference
SELECT
    source,
    file,
    shape,
    $sign * CAST(sum(loaded) AS BIGINT),
    $sign * CAST(sum(merged) AS BIGINT),
    $sign * CAST(sum(written) AS BIGINT)
FROM person_fate
GROUP BY source, file, shape;
