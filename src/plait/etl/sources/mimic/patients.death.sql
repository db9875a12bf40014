-- One row: a death as the hospital or the state's register dates it, by day; the register is asked up to a year after the last discharge.
SELECT
    p._pointer,
    p.subject_id AS person,
    p.dod AS start,
    'ehr' AS type,
    2 AS rank,
    CASE WHEN p.dod IS NULL THEN 'alive' END AS _ignore
FROM patients AS p
