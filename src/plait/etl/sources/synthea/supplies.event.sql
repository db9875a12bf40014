-- One row: a supply used.
SELECT
    _pointer,
    PATIENT AS person,
    ENCOUNTER AS visit,
    DATE AS start,
    CODE AS code,
    'SNOMED-CT' AS code_system,
    DESCRIPTION AS display,
    'Device' AS domain,
    QUANTITY AS quantity,
    'ehr_encounter_record' AS type
FROM supplies
