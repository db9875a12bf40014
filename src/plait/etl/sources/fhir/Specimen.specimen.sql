-- One row: a specimen that can be used.
SELECT
    s._pointer,
    s._person AS person,
    s._key AS specimen,
    fhir_time(coalesce(fhir_at(s.collection, '$.collectedDateTime'), fhir_at(s.collection, '$.collectedPeriod.start'), s.receivedTime), o.partial_dates) AS start,
    fhir_known(s.receivedTime, coalesce(fhir_at(s.collection, '$.collectedDateTime'), fhir_at(s.collection, '$.collectedPeriod.start'))) AS known_time,
    fhir_codings(s.type, 'condition')[1].code AS code,
    fhir_codings(s.type, 'condition')[1].system AS code_system,
    fhir_codings(s.type, 'condition')[1].display AS display,
    fhir_codings(fhir_at(s.collection, '$.bodySite'), 'condition')[1].code AS site,
    fhir_codings(fhir_at(s.collection, '$.bodySite'), 'condition')[1].system AS site_system,
    fhir_at(s.collection, '$.quantity.value') AS quantity,
    coalesce(fhir_at(s.collection, '$.quantity.code'), fhir_at(s.collection, '$.quantity.unit')) AS unit,
    'ehr' AS type,
    coalesce(s._rule, CASE WHEN s.status IN ('unavailable', 'unsatisfactory') THEN s.status END) AS _ignore
FROM Specimen AS s
CROSS JOIN options AS o
