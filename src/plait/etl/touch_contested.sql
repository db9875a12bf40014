-- touched, one row: a person whose rows name a specimen that is contested now and was not before, or the other way round.
INSERT INTO touched
WITH differing AS (
    SELECT coalesce(n.system, b.system) AS system, coalesce(n.specimen, b.specimen) AS specimen
    FROM contested_now AS n
    FULL JOIN contested_before AS b ON n.system = b.system AND n.specimen = b.specimen
    WHERE n.system IS NULL OR b.system IS NULL
)

SELECT DISTINCT s.person_id
FROM claimed AS s
INNER JOIN differing AS d ON s.system = d.system AND s.specimen = d.specimen
INNER JOIN present AS k ON s.person_id = k.person_id;
