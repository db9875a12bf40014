-- One row: what an encounter cost in all.
SELECT
    _pointer,
    PATIENT AS person,
    START AS start,
    'total' AS entry,
    'visit' AS of_record,
    Id AS visit,
    TOTAL_CLAIM_COST AS charge,
    PAYER_COVERAGE AS paid_by_payer,
    PAYER AS payer,
    'ehr_encounter_record' AS type,
    'USD' AS currency,
    CASE WHEN TOTAL_CLAIM_COST IS NULL THEN 'no_cost' END AS _ignore
FROM encounters
