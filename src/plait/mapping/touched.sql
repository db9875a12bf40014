-- One row: how many rows and persons name a code of `code_change`.
SELECT
    count(*) AS "rows",
    count(DISTINCT coalesce(p.person_id, s.person_id)) AS persons
FROM coded AS s
SEMI JOIN code_change AS c ON s.source = c.source AND s.code_system = c.code_system AND s.code = c.code
LEFT JOIN present AS p ON s.system = p.system AND s.person = p.identifier
