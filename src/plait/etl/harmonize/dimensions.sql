-- New ids for dimension rows that have none yet, in order of their keys, those that are numbers by their size.
INSERT INTO dimension_id
WITH newcomer AS (
    SELECT DISTINCT
        s.system,
        s.key
    FROM query_table($staged) AS s
    ANTI JOIN dimension_id AS i ON i.dimension = $dimension AND s.system = i.system AND s.key = i.key
)

SELECT
    $dimension,
    system,
    key,
    (SELECT coalesce(max(id), 0) FROM dimension_id WHERE dimension = $dimension) + row_number() OVER (ORDER BY system, TRY_CAST(key AS HUGEINT), key),
    TRUE
FROM newcomer;
