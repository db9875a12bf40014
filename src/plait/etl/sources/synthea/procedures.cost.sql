-- One row: what a procedure cost.
SELECT
    _pointer,
    PATIENT AS person,
    coalesce(START, DATE) AS start,
    'total' AS entry,
    'event' AS of_record,
    ENCOUNTER AS visit,
    BASE_COST AS charge,
    'ehr_encounter_record' AS type,
    'USD' AS currency,
    CASE WHEN BASE_COST IS NULL THEN 'no_cost' END AS _ignore
FROM procedures
