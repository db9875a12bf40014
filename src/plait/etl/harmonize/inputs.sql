-- dimension_id, one row: a key of a dimension row that some file names now, and its id.
CREATE OR REPLACE TABLE dimension_id AS
SELECT
    dimension,
    system,
    key,
    id
FROM dimension_ids_now
WHERE is_present;
