-- One row: a period as a source declares it; from_row_id is its number in period_row.
SELECT
    person_id,
    0 AS series,
    CAST(start AS DATE) AS start,
    CAST(greatest(coalesce("end", start), start) AS DATE) AS "end",
    'period' AS from_table,
    n AS from_row_id
FROM period_row
