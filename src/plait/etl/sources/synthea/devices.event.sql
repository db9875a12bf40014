-- One row: a device that a patient got.
SELECT
    _pointer,
    PATIENT AS person,
    ENCOUNTER AS visit,
    START AS start,
    STOP AS "end",
    CODE AS code,
    'SNOMED-CT' AS code_system,
    DESCRIPTION AS display,
    'Device' AS domain,
    UDI AS unique_device,
    'ehr_encounter_record' AS type
FROM devices
