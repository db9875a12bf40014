-- adopted_shared, one row: a row of a CDM that patients share, with its new id.
CREATE OR REPLACE TEMP TABLE adopted_shared AS
SELECT
    s.*,
    i.id AS row_id
FROM query_table($live) AS s
INNER JOIN dimension_id AS i ON i.dimension = $dimension AND s.system = i.system AND s.key = i.key;
