-- touched, one row: a person whose rows name a specimen or an image that is contested now and was not before, or the other way round.
INSERT INTO touched
WITH differing AS (
    SELECT coalesce(n.kind, b.kind) AS kind, coalesce(n.system, b.system) AS system, coalesce(n.key, b.key) AS key
    FROM contested_now AS n
    FULL JOIN contested_before AS b ON n.kind = b.kind AND n.system = b.system AND n.key = b.key
    WHERE n.system IS NULL OR b.system IS NULL
)

SELECT DISTINCT s.person_id
FROM claimed AS s
INNER JOIN differing AS d ON s.kind = d.kind AND s.system = d.system AND s.key = d.key
INNER JOIN present AS k ON s.person_id = k.person_id;
