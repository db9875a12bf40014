-- One row: a source record behind a CDM row.
SELECT
    l.file_id,
    f.source,
    f.file,
    l.record,
    l.shape,
    l.role
FROM plait.lineage AS l
INNER JOIN plait.files AS f ON l.file_id = f.file_id
WHERE l.table_name = $table AND l.row_id = $id
ORDER BY l.role, f.source, f.file, l.record
