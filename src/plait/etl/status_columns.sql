-- One row: a column that is neither read nor left out by a rule.
SELECT
    source,
    file,
    "column"
FROM plait.columns
WHERE run_id = $run_id AND fate = 'unaccounted'
ORDER BY source, file, "column"
