-- One row: what a reader of the ledger should know beside it.
SELECT
    source,
    file,
    kind,
    detail,
    records
FROM plait.notices
WHERE run_id = $run_id
ORDER BY kind, records DESC, source, file, detail
