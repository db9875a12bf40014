-- One row: a value of a column, and on how many records it stands, where these are at least $least; the commonest first.
SELECT
    value,
    count(*) AS records
FROM profiled
WHERE value IS NOT NULL
GROUP BY value
HAVING count(*) >= $least
ORDER BY records DESC, value
LIMIT $most
