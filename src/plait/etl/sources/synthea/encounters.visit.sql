-- One row: an encounter.
SELECT
    _pointer,
    PATIENT AS person,
    Id AS visit,
    START AS start,
    STOP AS "end",
    ENCOUNTERCLASS AS code,
    'SYNTHEA_ENCOUNTERCLASS' AS code_system,
    CODE AS kind,
    'SNOMED' AS kind_system,
    DESCRIPTION AS display,
    'ehr_encounter_record' AS type,
    PROVIDER AS provider,
    ORGANIZATION AS care_site
FROM encounters
