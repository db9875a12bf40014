-- One row: a run; of the one whose version is changed, the persons that are left.
SELECT * REPLACE (CASE WHEN run_id = $run THEN persons - $persons ELSE persons END AS persons)
FROM page
