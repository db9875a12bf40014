-- One row: what a prescription cost over all its dispenses.
SELECT
    _pointer,
    PATIENT AS person,
    START AS start,
    'total' AS entry,
    'event' AS of_record,
    ENCOUNTER AS visit,
    TOTALCOST AS charge,
    PAYER_COVERAGE AS paid_by_payer,
    PAYER AS payer,
    'ehr_prescription' AS type,
    'USD' AS currency,
    CASE WHEN TOTALCOST IS NULL THEN 'no_cost' END AS _ignore
FROM medications
