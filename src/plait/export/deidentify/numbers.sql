-- One row: an id of a dimension table and its new one, in an order that follows from the export's secret alone.
SELECT
    id,
    CAST(row_number() OVER (ORDER BY sha256(getvariable('export_secret') || '/' || $table || '/' || id), id) AS BIGINT) AS new_id
FROM dimension_id
