-- One row: a check of a source, and what it found in this run; failures first, the worst first.
SELECT
    source,
    check_id AS "check",
    severity,
    status,
    violated,
    denominator,
    threshold AS allowed_percent,
    reason
FROM plait.source_checks
WHERE run_id = $run_id
ORDER BY status <> 'FAIL', array_position(['error', 'warning', 'info'], severity), coalesce(percent, 0) DESC, check_id
