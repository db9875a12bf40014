-- kept, one row: a person whose rows of a derived table are those that a CDM declares, none included.
CREATE OR REPLACE TEMP TABLE kept AS
SELECT DISTINCT s.person_id
FROM query_table($live) AS s
WHERE s.person_id NOT IN (SELECT r.person_id FROM rebuilt AS r WHERE r.table_name = $table)
UNION
SELECT DISTINCT l.person_id
FROM lineage AS l
WHERE
    l.table_name IN (SELECT unnest($bases))
    AND l.source IN (SELECT unnest($declaring))
    AND l.person_id NOT IN (SELECT r.person_id FROM rebuilt AS r WHERE r.table_name = $table);
