-- One row: a kind of change, and the codes, rows and persons that it touches; kind null: all that is computed anew.
SELECT
    kind,
    count(DISTINCT concat_ws(chr(31), source, code_system, code)) AS codes,
    count(*) AS "rows",
    count(DISTINCT person_id) AS persons
FROM named_change
GROUP BY kind
UNION ALL
SELECT
    NULL AS kind,
    count(DISTINCT concat_ws(chr(31), source, code_system, code)) AS codes,
    count(*) AS "rows",
    count(DISTINCT person_id) AS persons
FROM named_change
WHERE is_recomputed
ORDER BY kind NULLS LAST
