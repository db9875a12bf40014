-- One row more in all_loser: a staged row that names a specimen or an image which several persons claim.
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
SEMI JOIN query_table($contested) AS c ON s.file_id = c.file_id AND s.record = c.record AND s.part = c.part;
