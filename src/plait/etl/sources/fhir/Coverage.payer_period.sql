-- One row: a span of cover; one without an end is known to last until its record was last changed.
SELECT
    c._pointer,
    c._person AS person,
    fhir_time(fhir_at(c.period, '$.start'), o.partial_dates) AS start,
    coalesce(
        fhir_time(fhir_at(c.period, '$.end'), CASE WHEN o.partial_dates = 'reject' THEN 'reject' ELSE 'last' END),
        substr(fhir_at(c.meta, '$.lastUpdated'), 1, 10)
    ) AS "end",
    fhir_last_day(fhir_at(c.period, '$.start')) AS known_time,
    coalesce(c._payer, fhir_at(c.payor, '$[0].display')) AS payer,
    coalesce(fhir_at(c.class, '$[0].name'), fhir_at(c.class, '$[0].value'), fhir_codings(c.type, 'type')[1].display, fhir_at(c.payor, '$[0].display')) AS plan,
    c.subscriberId AS family,
    coalesce(
        c._rule,
        CASE
            WHEN c.status IN ('cancelled', 'draft') THEN 'not_in_force'
            WHEN fhir_at(c.period, '$.start') IS NULL THEN 'no_period'
            WHEN coalesce(fhir_at(c.period, '$.end'), fhir_at(c.meta, '$.lastUpdated')) IS NULL THEN 'open_period'
        END
    ) AS _ignore
FROM Coverage AS c
CROSS JOIN options AS o
