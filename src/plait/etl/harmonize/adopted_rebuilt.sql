-- One row more: a declared row of a person whose rows of this table were derived anew, since other sources tell of the person, too.
INSERT INTO adopted_reject
SELECT
    s.person_id,
    s.source,
    s.file,
    $shape,
    s.digest,
    'rebuilt'
FROM query_table($live) AS s
WHERE s.person_id IN (SELECT r.person_id FROM rebuilt AS r WHERE r.table_name = $table);
