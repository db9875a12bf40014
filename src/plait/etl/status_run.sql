-- One row: the run.
SELECT
    run_id,
    version,
    started_at,
    finished_at,
    plait_version,
    vocabulary_release,
    persons
FROM plait.runs
WHERE run_id = $run_id
