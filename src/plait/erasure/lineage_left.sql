-- One row: a CDM row and a record that it comes from; where the record that made it is gone, the first of those that are left did.
SELECT
    l.table_name,
    l.row_id,
    l.person_id,
    l.source,
    l.file,
    l.shape,
    l.digest,
    CASE
        WHEN
            l.role = 'merged'
            AND l.person_id IS NULL
            AND l.shape != 'link'
            AND count(*) FILTER (l.role = 'loaded') OVER made = 0
            AND row_number() OVER (PARTITION BY l.table_name, l.row_id ORDER BY l.digest, l.source, l.file) = 1
            THEN 'loaded'
        ELSE l.role
    END AS role
FROM kept_lineage AS l
WINDOW made AS (PARTITION BY l.table_name, l.row_id)
ORDER BY l.table_name, l.row_id, l.shape, l.source, l.file, l.digest, role
