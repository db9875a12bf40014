-- One row: how many records share their key with another one, and how many have a key.
WITH key AS (
    SELECT
        * EXCLUDE (records),
        sum(records) AS records
    FROM checked_0
    GROUP BY ALL
)

SELECT
    coalesce(sum(records) FILTER (WHERE records > 1), 0)::BIGINT AS violated,
    coalesce(sum(records), 0)::BIGINT AS counted
FROM key
