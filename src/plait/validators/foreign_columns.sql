-- One row: a column of a table of the schema that holds a CDM, in the order of its tables and columns (PostgreSQL).
SELECT
    table_schema,
    table_name,
    column_name,
    data_type
FROM information_schema.columns
WHERE table_schema = (
    SELECT p.table_schema
    FROM information_schema.tables AS p
    WHERE p.table_name = 'person'
    ORDER BY p.table_schema <> 'cdm', p.table_schema
    LIMIT 1
)
ORDER BY table_name, ordinal_position
