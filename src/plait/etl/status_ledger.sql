-- One row: a file in a shape, and what became of its records.
SELECT
    source,
    file,
    shape,
    "read",
    loaded,
    merged,
    rejected,
    "ignored",
    written
FROM plait.ledger
WHERE run_id = $run_id
ORDER BY source, file, shape
