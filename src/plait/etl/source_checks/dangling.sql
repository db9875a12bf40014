-- One row: how many records refer to nothing, and how many refer.
SELECT
    coalesce(sum(c.records) FILTER (WHERE NOT EXISTS (SELECT 1 FROM checked_1 AS p WHERE p.k0 = c.k0)), 0)::BIGINT AS violated,
    coalesce(sum(c.records), 0)::BIGINT AS counted
FROM checked_0 AS c
