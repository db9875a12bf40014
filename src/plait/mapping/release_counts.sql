-- named_change, one row: a staged row that names a code of `release_change`.
CREATE OR REPLACE TEMP TABLE named_change AS
SELECT
    c.source,
    c.code_system,
    c.code,
    c.kind,
    c.is_recomputed,
    s.shape || '.' || s.attribute AS attribute,
    s.hint,
    coalesce(p.person_id, s.person_id) AS person_id
FROM coded AS s
INNER JOIN release_change AS c ON s.source = c.source AND s.code_system = c.code_system AND s.code = c.code
LEFT JOIN present AS p ON s.system = p.system AND s.person = p.identifier;
