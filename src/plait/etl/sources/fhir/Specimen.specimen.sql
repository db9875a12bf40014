-- One row: a specimen that can be used. One without a time was taken when its findings were true of the patient, as the report on
-- it says (FHIR, DiagnosticReport.effective: usually the time of specimen collection).
WITH report AS (
    SELECT
        fhir_key(one, '$', home) AS specimen,
        min(at_time) AS at_time
    FROM (
        SELECT
            _key AS home,
            unnest(TRY(json_extract(specimen, '$[*]'))) AS one,
            coalesce(effectiveDateTime, fhir_at(effectivePeriod, '$.start')) AS at_time
        FROM DiagnosticReport
        WHERE _rule IS NULL
    )
    GROUP BY ALL
),

told AS (
    SELECT
        s.*,
        coalesce(fhir_at(s.collection, '$.collectedDateTime'), fhir_at(s.collection, '$.collectedPeriod.start'), s.receivedTime, r.at_time) AS taken
    FROM Specimen AS s
    LEFT JOIN report AS r ON s._key = r.specimen
)

SELECT
    t._pointer,
    t._person AS person,
    t._key AS specimen,
    fhir_time(t.taken, o.partial_dates) AS start,
    fhir_known(t.receivedTime, t.taken) AS known_time,
    fhir_codings(t.type, 'condition')[1].code AS code,
    fhir_codings(t.type, 'condition')[1].system AS code_system,
    fhir_codings(t.type, 'condition')[1].display AS display,
    fhir_codings(fhir_at(t.collection, '$.bodySite'), 'condition')[1].code AS site,
    fhir_codings(fhir_at(t.collection, '$.bodySite'), 'condition')[1].system AS site_system,
    fhir_at(t.collection, '$.quantity.value') AS quantity,
    coalesce(fhir_at(t.collection, '$.quantity.code'), fhir_at(t.collection, '$.quantity.unit')) AS unit,
    'ehr' AS type,
    coalesce(t._rule, CASE WHEN t.status IN ('unavailable', 'unsatisfactory') THEN t.status END) AS _ignore
FROM told AS t
CROSS JOIN options AS o
