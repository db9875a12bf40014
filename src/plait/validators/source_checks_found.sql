-- One row: a check of a source, and what was counted for it in the run that made the version.
SELECT
    check_id,
    violated,
    denominator,
    status,
    reason,
    newest
FROM plait.source_checks
WHERE run_id = $run_id
