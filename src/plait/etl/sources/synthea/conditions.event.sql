-- One row: a condition with its onset and its end.
SELECT
    _pointer,
    PATIENT AS person,
    ENCOUNTER AS visit,
    START AS start,
    STOP AS "end",
    CODE AS code,
    coalesce(SYSTEM, 'SNOMED-CT') AS code_system,
    DESCRIPTION AS display,
    'Condition' AS domain,
    'ehr_encounter_record' AS type
FROM conditions
