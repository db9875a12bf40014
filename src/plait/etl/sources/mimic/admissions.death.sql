-- One row: a death in the hospital, to the minute.
SELECT
    a._pointer,
    a.subject_id AS person,
    a.deathtime AS start,
    'ehr' AS type,
    1 AS rank,
    CASE WHEN a.deathtime IS NULL THEN 'left_alive' END AS _ignore
FROM admissions AS a
