-- One row: an examination whose report was called off, since it was not begun or not ended.
WITH told AS (
    SELECT
        *,
        CASE WHEN status = 'cancelled' THEN fhir_codings(code, 'finding') END AS codings,
        coalesce(effectiveDateTime, fhir_at(effectivePeriod, '$.start'), issued) AS began
    FROM DiagnosticReport
)

SELECT
    t._pointer,
    t._person AS person,
    t._visit AS visit,
    fhir_time(t.began, o.partial_dates) AS start,
    fhir_known(coalesce(t.issued, fhir_at(t.meta, '$.lastUpdated')), t.began) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[2].code AS alternative,
    t.codings[2].system AS alternative_system,
    t.codings[3].code AS alternative_2,
    t.codings[3].system AS alternative_2_system,
    t.codings[1].display AS display,
    'Measurement' AS domain,
    'NOT_PERFORMED' AS reason,
    coalesce(t._rule, CASE WHEN t.status IS DISTINCT FROM 'cancelled' THEN 'done' WHEN t.began IS NULL THEN 'unknown_time' END) AS _ignore
FROM told AS t
CROSS JOIN options AS o
