-- One row: a specimen or an image that a person claims, and that somebody who was forgotten claimed, too.
SELECT DISTINCT
    s.kind,
    s.system,
    s.key
FROM claimed AS s
INNER JOIN present AS k ON s.person_id = k.person_id
WHERE plait_tombstone(s.kind, s.system || chr(31) || s.key) IN (SELECT c.hash FROM claim_tombstone AS c)
ORDER BY ALL
