-- touched, one row: a person whose rows name a code that means something else than before.
INSERT INTO touched
SELECT DISTINCT p.person_id
FROM coded AS s
INNER JOIN code_change AS c ON s.source = c.source AND s.code_system = c.code_system AND s.code = c.code
INNER JOIN present AS p ON s.system = p.system AND s.person = p.identifier;
