-- One row: a row of the CDM that a derived one is made of, and a source record behind it.
SELECT
    d.from_table AS table_name,
    d.from_row_id AS row_id,
    f.source,
    f.file,
    l.record,
    l.shape,
    l.role
FROM plait.derivation AS d
LEFT JOIN plait.lineage AS l ON d.from_table = l.table_name AND d.from_row_id = l.row_id
LEFT JOIN plait.files AS f ON l.file_id = f.file_id
WHERE d.table_name = $table AND d.row_id = $id
ORDER BY ALL
