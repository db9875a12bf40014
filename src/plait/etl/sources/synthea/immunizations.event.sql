-- One row: a vaccine given; a drug given by a clinician lasts one day unless told otherwise (OMOP, DAYS_SUPPLY).
SELECT
    _pointer,
    PATIENT AS person,
    ENCOUNTER AS visit,
    DATE AS start,
    DATE AS "end",
    CODE AS code,
    'CVX' AS code_system,
    DESCRIPTION AS display,
    'Drug' AS domain,
    1 AS days_supply,
    'ehr_encounter_record' AS type
FROM immunizations
