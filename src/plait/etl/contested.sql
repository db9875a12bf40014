-- One row: a specimen or an image that several persons claim.
SELECT
    s.kind,
    s.system,
    s.key
FROM claimed AS s
INNER JOIN present AS k ON s.person_id = k.person_id
GROUP BY s.kind, s.system, s.key
HAVING count(DISTINCT s.person_id) > 1
ORDER BY ALL
