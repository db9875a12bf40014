-- period_row, one row: a declared period of observation with its number in the shard.
CREATE OR REPLACE TEMP TABLE period_row AS
SELECT
    row_number() OVER (ORDER BY p.person_id, p.start, p.source, p.digest, p.part) AS n,
    p.*,
    coalesce(t.concept_id, 0) AS type_concept_id
FROM live_period AS p
LEFT JOIN type_concept AS t ON p.type = t.name
ORDER BY n;
