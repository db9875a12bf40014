-- One row more: a record that means nothing without another one, which is not there.
INSERT INTO adopted_reject
SELECT
    s.person_id,
    s.source,
    s.file,
    $shape,
    s.digest,
    'unknown_reference'
FROM query_table($live) AS s
ANTI JOIN met AS m ON s.file_id = m.file_id AND s.record = m.record AND s.part = m.part;
