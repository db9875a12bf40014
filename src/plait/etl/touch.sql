-- touched, one row: a person whose rows name a dimension row that came or went.
INSERT INTO touched
SELECT DISTINCT p.person_id
FROM referring AS r
INNER JOIN dimension_change AS d ON d.dimension = $dimension AND r.system = d.system AND r.key = d.key
INNER JOIN present AS p ON r.system = p.system AND r.person = p.identifier;
