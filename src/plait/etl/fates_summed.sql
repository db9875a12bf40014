-- One row: what became of the records of a file in a shape, over all persons.
SELECT
    source,
    file,
    shape,
    CAST(sum(loaded) AS BIGINT) AS loaded,
    CAST(sum(merged) AS BIGINT) AS merged,
    CAST(sum(written) AS BIGINT) AS written
FROM person_fate
GROUP BY source, file, shape
ORDER BY ALL
