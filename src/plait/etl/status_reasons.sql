-- One row: a reason or rule by which records of a file went no further.
SELECT
    source,
    file,
    shape,
    fate,
    reason,
    records
FROM plait.ledger_reasons
WHERE run_id = $run_id
ORDER BY fate DESC, records DESC, source, file, shape, reason
