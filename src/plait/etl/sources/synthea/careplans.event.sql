-- One row: a care plan that began.
SELECT
    _pointer,
    PATIENT AS person,
    ENCOUNTER AS visit,
    START AS start,
    STOP AS "end",
    CODE AS code,
    'SNOMED-CT' AS code_system,
    DESCRIPTION AS display,
    'Observation' AS domain,
    'ehr_encounter_record' AS type
FROM careplans
