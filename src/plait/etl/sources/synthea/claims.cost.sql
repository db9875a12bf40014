-- One row: a claim, the head of a bill whose entries stand in claims_transactions.
SELECT
    _pointer,
    PATIENTID AS person,
    SERVICEDATE AS start,
    'header' AS entry,
    APPOINTMENTID AS visit,
    Id AS bill,
    PRIMARYPATIENTINSURANCEID AS payer,
    'claim' AS type,
    'USD' AS currency
FROM claims
