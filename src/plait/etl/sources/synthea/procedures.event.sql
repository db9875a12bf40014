-- One row: a procedure; Synthea 2.7 gives one DATE, later versions START and STOP.
SELECT
    _pointer,
    PATIENT AS person,
    ENCOUNTER AS visit,
    coalesce(START, DATE) AS start,
    STOP AS "end",
    CODE AS code,
    coalesce(SYSTEM, 'SNOMED') AS code_system,
    DESCRIPTION AS display,
    'Procedure' AS domain,
    'ehr_encounter_record' AS type
FROM procedures
