-- One row more in all_loser: a staged row that names a specimen which several persons claim.
INSERT INTO all_loser
SELECT
    $shape,
    s.file_id,
    s.record,
    s.part,
    s.person_id,
    s.source,
    s.file,
    s.digest,
    'contested',
    NULL,
    NULL,
    NULL
FROM query_table($staged) AS s
INNER JOIN contested AS c ON s.system = c.system AND s.specimen = c.specimen;
