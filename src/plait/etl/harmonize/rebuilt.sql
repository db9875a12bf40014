-- rebuilt, one row: a person of whom another source tells what a derived table is made of, beside a CDM that declares the derived rows: what
-- one of them declares does not know what the other one tells.
INSERT INTO rebuilt
SELECT DISTINCT
    $table,
    l.person_id
FROM lineage AS l
WHERE l.table_name IN (SELECT unnest($bases)) AND l.source NOT IN (SELECT unnest($declaring));
