-- One row: what a vaccine cost.
SELECT
    _pointer,
    PATIENT AS person,
    DATE AS start,
    'total' AS entry,
    'event' AS of_record,
    ENCOUNTER AS visit,
    coalesce(BASE_COST, COST) AS charge,
    'ehr_encounter_record' AS type,
    'USD' AS currency,
    CASE WHEN coalesce(BASE_COST, COST) IS NULL THEN 'no_cost' END AS _ignore
FROM immunizations
