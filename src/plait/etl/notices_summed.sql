-- One row: what was noticed in a file, over all persons.
SELECT
    source,
    file,
    kind,
    detail,
    CAST(sum(records) AS BIGINT) AS records
FROM person_notice
GROUP BY source, file, kind, detail
ORDER BY ALL
