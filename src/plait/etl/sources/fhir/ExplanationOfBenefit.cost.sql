-- One row: a settled claim: what was charged in all, and what the insurer paid.
WITH told AS (
    SELECT
        *,
        fhir_total(total, 'submitted') AS submitted,
        fhir_total(total, 'benefit') AS benefit,
        coalesce(fhir_at(billablePeriod, '$.start'), created) AS charged
    FROM ExplanationOfBenefit
)

SELECT
    t._pointer,
    t._person AS person,
    fhir_time(t.charged, o.partial_dates) AS start,
    fhir_known(t.created, t.charged) AS known_time,
    'total' AS entry,
    t._visit AS visit,
    t._key AS bill,
    json_extract_string(t.submitted, '$.amount.value') AS charge,
    coalesce(fhir_at(t.payment, '$.amount.value'), json_extract_string(t.benefit, '$.amount.value')) AS paid_by_payer,
    t._payer AS payer,
    coalesce(json_extract_string(t.submitted, '$.amount.currency'), fhir_at(t.payment, '$.amount.currency')) AS currency,
    'claim' AS type,
    coalesce(t._rule, CASE WHEN t.status IN ('cancelled', 'draft') THEN 'not_settled' END) AS _ignore
FROM told AS t
CROSS JOIN options AS o
