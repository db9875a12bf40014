-- One row: a run, the newest first.
SELECT
    run_id,
    version,
    started_at,
    date_diff('second', started_at, finished_at) AS seconds,
    plait_version,
    vocabulary_release,
    outcome
FROM plait.runs
ORDER BY run_id DESC
LIMIT 20
