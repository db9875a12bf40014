-- One row: a specimen that several persons claim.
SELECT
    s.system,
    s.specimen
FROM claimed AS s
INNER JOIN present AS k ON s.person_id = k.person_id
GROUP BY s.system, s.specimen
HAVING count(DISTINCT s.person_id) > 1
ORDER BY ALL
