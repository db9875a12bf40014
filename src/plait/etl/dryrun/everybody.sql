-- One row: somebody whom no source brings, with a number for the length of a trial.
INSERT INTO crosswalk
WITH named AS (
    SELECT DISTINCT
        system,
        person AS identifier
    FROM read_parquet($paths, union_by_name = TRUE, hive_partitioning = FALSE)
    WHERE reject = 'unknown_person'
)

SELECT
    system,
    identifier,
    (SELECT coalesce(max(k.person_id), 0) FROM crosswalk AS k) + row_number() OVER (ORDER BY system, identifier) AS person_id
FROM named
