-- One row: a vaccine that was not given, and why.
WITH told AS (
    SELECT
        *,
        CASE WHEN status = 'not-done' THEN fhir_codings(vaccineCode, 'vaccine') END AS codings
    FROM Immunization
),

reason AS (
    SELECT map(list(concat(code_system, '|', code)), list(reason)) AS reasons
    FROM absence_reasons
    WHERE reason != ''
)

SELECT
    t._pointer,
    t._person AS person,
    t._visit AS visit,
    fhir_time(t.occurrenceDateTime, o.partial_dates) AS start,
    fhir_known(t.recorded, t.occurrenceDateTime) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[2].code AS alternative,
    t.codings[2].system AS alternative_system,
    t.codings[3].code AS alternative_2,
    t.codings[3].system AS alternative_2_system,
    t.codings[1].display AS display,
    'Drug' AS domain,
    coalesce(fhir_reason_of(t.statusReason, r.reasons), 'NOT_PERFORMED') AS reason,
    coalesce(
        t._rule,
        CASE
            WHEN t.status IS DISTINCT FROM 'not-done' THEN 'done'
            WHEN t.occurrenceDateTime IS NULL THEN 'unknown_time'
        END
    ) AS _ignore
FROM told AS t
CROSS JOIN options AS o
CROSS JOIN reason AS r
