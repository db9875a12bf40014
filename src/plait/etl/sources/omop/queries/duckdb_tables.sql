-- One row: a table or a view of the schema of a DuckDB file that holds a CDM: the one that is named, else one with a table `person`.
SELECT DISTINCT
    schema_name,
    table_name
FROM duckdb_columns()
WHERE
    database_name = 'foreign_cdm'
    AND schema_name = coalesce(
        $schema,
        (
            SELECT p.schema_name
            FROM duckdb_columns() AS p
            WHERE p.database_name = 'foreign_cdm' AND lower(p.table_name) = 'person'
            ORDER BY p.schema_name != 'cdm', p.schema_name
            LIMIT 1
        )
    )
ORDER BY table_name
