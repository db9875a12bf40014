-- One row: a check that failed when all were made last, the most severe first.
SELECT
    check_id,
    suite,
    severity,
    violated,
    denominator,
    percent,
    threshold
FROM plait.checks
WHERE checked_at = (SELECT max(c.checked_at) FROM plait.checks AS c) AND status IN ('FAIL', 'ERROR')
ORDER BY array_position(['error', 'warning', 'info'], severity), percent DESC NULLS LAST, check_id
