-- One row: a column of a table of the CDM, or of plait's books, with DuckDB's type of it.
SELECT
    CASE schema_name WHEN 'cdm' THEN '' ELSE schema_name || '.' END || lower(table_name) AS table_name,
    lower(column_name) AS column_name,
    data_type
FROM duckdb_columns()
WHERE schema_name IN ('cdm', 'plait') AND database_name = current_database()
ORDER BY table_oid, column_index
