-- One row: whether two columns together are different in all records, but for those that repeat another one exactly.
WITH pair AS (
    SELECT DISTINCT
        one,
        other
    FROM profiled_pair
)

SELECT (SELECT count(DISTINCT p.digest) FROM profiled_pair AS p) = count(*) AS is_key
FROM pair
