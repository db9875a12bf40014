-- One row: a validation, the newest first, and how many of its checks failed or passed.
SELECT
    checked_at,
    version,
    today,
    count_if(status IN ('FAIL', 'ERROR') AND severity = 'error') AS failed_errors,
    count_if(status IN ('FAIL', 'ERROR') AND severity != 'error') AS failed_others,
    count_if(status = 'PASS') AS passed,
    count_if(status = 'NA') AS not_applicable
FROM plait.checks
GROUP BY checked_at, version, today
ORDER BY checked_at DESC
LIMIT 20
