-- One row: the id of a row that patients share; in the place of a key that only forgotten records named stands its tombstone, and keeps the id.
SELECT
    d.dimension,
    CASE WHEN g.key IS NULL THEN d.system ELSE forgotten_system END AS system,
    CASE WHEN g.key IS NULL THEN d.key ELSE plait_tombstone(d.dimension, d.system || chr(31) || d.key) END AS key,
    d.id,
    d.is_present AND g.key IS NULL AS is_present
FROM dimension_before AS d
LEFT JOIN gone_key AS g ON d.dimension = g.dimension AND d.system = g.system AND d.key = g.key
ORDER BY ALL
