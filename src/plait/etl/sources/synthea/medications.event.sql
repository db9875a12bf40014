-- One row: a prescription; DISPENSES counts the first supply too, OMOP's refills do not.
SELECT
    _pointer,
    PATIENT AS person,
    ENCOUNTER AS visit,
    START AS start,
    STOP AS "end",
    CODE AS code,
    'RxNorm' AS code_system,
    DESCRIPTION AS display,
    'Drug' AS domain,
    greatest(coalesce(TRY_CAST(DISPENSES AS BIGINT) - 1, 0), 0) AS refills,
    'ehr_prescription' AS type
FROM medications
