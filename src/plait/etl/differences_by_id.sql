-- One row: how many rows come, change and go, a row being known by its id.
SELECT
    count(*) FILTER (rows_before.id IS NULL) AS inserted,
    count(*) FILTER (rows_before.id IS NOT NULL AND rows_now.id IS NOT NULL AND rows_now IS DISTINCT FROM rows_before) AS updated,
    count(*) FILTER (rows_now.id IS NULL) AS deleted
FROM rows_now
FULL JOIN rows_before ON rows_now.id = rows_before.id
