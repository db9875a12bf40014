-- One row: a death certificate (SNOMED CT 308646001), which gives the cause of a death.
SELECT
    _pointer,
    PATIENT AS person,
    START AS start,
    REASONCODE AS cause,
    'SNOMED' AS cause_system,
    'ehr' AS type,
    2 AS rank,
    CASE WHEN coalesce(CODE, '') != '308646001' THEN 'no_death_certificate' END AS _ignore
FROM encounters
