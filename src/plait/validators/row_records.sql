-- One row: a row of the CDM, and a source record behind it or behind a row that it is made of, however far back.
WITH RECURSIVE asked AS (
    SELECT unnest($ids) AS row_id
),

members AS (
    SELECT
        row_id AS asked_id,
        $table AS table_name,
        row_id
    FROM asked
    UNION
    SELECT
        m.asked_id,
        d.from_table,
        d.from_row_id
    FROM members AS m
    INNER JOIN plait.derivation AS d ON m.table_name = d.table_name AND m.row_id = d.row_id
)

SELECT
    m.asked_id AS row_id,
    f.source,
    f.file,
    l.record,
    l.role
FROM members AS m
INNER JOIN plait.lineage AS l ON m.table_name = l.table_name AND m.row_id = l.row_id
INNER JOIN plait.files AS f ON l.file_id = f.file_id
ORDER BY m.asked_id, f.source, f.file, l.record, l.role
