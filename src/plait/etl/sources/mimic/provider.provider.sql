-- One row: somebody who orders, admits or gives care on a ward.
SELECT
    p._pointer,
    p.provider_id AS provider
FROM provider AS p
