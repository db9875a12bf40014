-- One row: how many records of a file a shard loaded or merged in a shape, and the rows written from them.
WITH fate AS (
    SELECT
        file_id,
        shape,
        record,
        min(role) AS role,
        count(*) FILTER (role = 'loaded') AS written
    FROM lineage
    GROUP BY file_id, shape, record
)

SELECT
    file_id,
    shape,
    count(*) FILTER (role = 'loaded') AS loaded,
    count(*) FILTER (role = 'merged') AS merged,
    CAST(sum(written) AS BIGINT) AS written
FROM fate
GROUP BY file_id, shape
ORDER BY ALL
