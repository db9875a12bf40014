-- One row: the death of a patient; it happened at DEATHDATE, the certificate is written days later.
SELECT
    _pointer,
    Id AS person,
    DEATHDATE AS start,
    'ehr' AS type,
    1 AS rank,
    CASE WHEN DEATHDATE IS NULL THEN 'alive' END AS _ignore
FROM patients
