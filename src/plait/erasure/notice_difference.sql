-- One row: what was noticed in a file.
INSERT INTO notice_difference
SELECT
    source,
    file,
    kind,
    detail,
    $sign * CAST(sum(records) AS BIGINT)
FROM person_notice
GROUP BY source, file, kind, detail;
