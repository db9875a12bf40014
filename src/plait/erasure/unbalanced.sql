-- One row: a line of a run's ledger that does not say what became of every record.
SELECT
    source,
    file,
    shape
FROM ledger_page
WHERE run_id = $run AND ("read" != loaded + merged + rejected + "ignored" OR least(loaded, merged, rejected, "ignored", written) < 0)
ORDER BY source, file, shape
