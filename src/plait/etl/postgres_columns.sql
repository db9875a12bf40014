-- One row: a column of a table of the schema that holds a CDM, in the order of its tables and columns (PostgreSQL). A number of
-- no decimal places is `whole`. $1 names the schema, where it is not null.
SELECT
    table_schema,
    table_name,
    column_name,
    CASE WHEN data_type = 'numeric' AND numeric_scale = 0 THEN 'whole' ELSE data_type END AS data_type
FROM information_schema.columns
WHERE table_schema = coalesce(
    CAST($1 AS TEXT),
    (
        SELECT p.table_schema
        FROM information_schema.tables AS p
        WHERE lower(p.table_name) = 'person'
        ORDER BY p.table_schema <> 'cdm', p.table_schema
        LIMIT 1
    )
)
ORDER BY table_name, ordinal_position
