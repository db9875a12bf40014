-- One row: an entry of a bill; the entries of one claim and code make one line. Insurers pay by ECHECK; COPAY, CASH, CC
-- and CHECK come from the patient (Synthea, ClaimsTransactions).
SELECT
    _pointer,
    PATIENTID AS person,
    FROMDATE AS start,
    CASE TYPE
        WHEN 'CHARGE' THEN 'charge'
        WHEN 'PAYMENT' THEN 'payment'
        WHEN 'ADJUSTMENT' THEN 'adjustment'
        ELSE 'transfer'
    END AS entry,
    APPOINTMENTID AS visit,
    CLAIMID AS bill,
    PROCEDURECODE AS item,
    coalesce(AMOUNT, PAYMENTS, ADJUSTMENTS, TRANSFERS) AS amount,
    CASE METHOD WHEN 'ECHECK' THEN 'payer' WHEN 'COPAY' THEN 'copay' ELSE 'patient' END AS paid_by,
    'claim' AS type,
    'USD' AS currency
FROM claims_transactions
