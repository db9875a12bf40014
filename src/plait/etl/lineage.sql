-- One row: a source record behind a CDM row. Of exact copies of a record the first made the row.
SELECT
    l.table_name,
    l.row_id,
    p.file_id,
    p.record,
    l.shape,
    CASE
        WHEN l.role = 'loaded' AND row_number() OVER copies > 1 THEN 'merged'
        ELSE l.role
    END AS role
FROM plait.lineage_key AS l
INNER JOIN staged_pointer AS p ON l.source = p.source AND l.file = p.file AND l.shape = p.shape AND l.digest = p.digest
WINDOW copies AS (PARTITION BY l.table_name, l.row_id, l.source, l.file, l.shape, l.digest ORDER BY p.file_id, p.record)
