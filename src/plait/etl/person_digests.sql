-- One row: a person in a source, and a digest of all staged rows without their pointers.
SELECT
    k.person_id,
    s.source,
    CAST(sum(s.rows) AS BIGINT) AS "rows",
    CAST(sum(s.digest) AS VARCHAR) AS digest
FROM person_summary AS s
INNER JOIN present AS k ON s.system = k.system AND s.person = k.identifier
GROUP BY k.person_id, s.source
ORDER BY k.person_id, s.source
