-- One row: an absence, and a source record that says so.
SELECT
    l.row_id,
    f.source,
    f.file,
    l.record
FROM plait.lineage AS l
INNER JOIN plait.files AS f ON l.file_id = f.file_id
WHERE l.table_name = 'absence' AND l.row_id IN (SELECT unnest($rows::BIGINT[]))
ORDER BY l.row_id, f.source, f.file, l.record
