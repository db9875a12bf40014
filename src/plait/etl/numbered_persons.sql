-- One row: a staged row of a person, with the person's id, in the order of ids: a shard reads its own part alone.
SELECT s.* REPLACE (k.person_id AS person_id)
FROM staged_persons AS s
INNER JOIN present AS k ON s.system = k.system AND s.person = k.identifier
WHERE s.reject IS NULL AND s."ignore" IS NULL
ORDER BY k.person_id
