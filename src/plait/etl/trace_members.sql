-- One row: a row of the CDM that a derived one is made of, of these what they are made of, and a source record behind it.
WITH RECURSIVE member AS (
    SELECT
        from_table AS table_name,
        from_row_id AS row_id
    FROM plait.derivation
    WHERE table_name = $table AND row_id = $id
    UNION
    SELECT
        d.from_table,
        d.from_row_id
    FROM member AS m
    INNER JOIN plait.derivation AS d ON m.table_name = d.table_name AND m.row_id = d.row_id
)

SELECT
    m.table_name,
    m.row_id,
    f.source,
    f.file,
    l.record,
    l.shape,
    l.role
FROM member AS m
LEFT JOIN plait.lineage AS l ON m.table_name = l.table_name AND m.row_id = l.row_id
LEFT JOIN plait.files AS f ON l.file_id = f.file_id
ORDER BY ALL
