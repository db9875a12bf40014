-- One row: a drug that was not given, and why.
WITH drug AS (
    SELECT
        _key,
        min(code) AS code
    FROM Medication
    WHERE _rule IS DISTINCT FROM 'superseded'
    GROUP BY _key
),

told AS (
    SELECT
        m.*,
        CASE WHEN m.status = 'not-done' THEN fhir_codings(coalesce(m.medicationCodeableConcept, d.code), 'drug') END AS codings
    FROM MedicationAdministration AS m
    LEFT JOIN drug AS d ON m._medication = d._key
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
    fhir_time(coalesce(t.effectiveDateTime, fhir_at(t.effectivePeriod, '$.start')), o.partial_dates) AS start,
    fhir_time(fhir_at(t.effectivePeriod, '$.end'), o.partial_dates) AS "end",
    fhir_last_day(coalesce(t.effectiveDateTime, fhir_at(t.effectivePeriod, '$.start'))) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[2].code AS alternative,
    t.codings[2].system AS alternative_system,
    t.codings[3].code AS alternative_2,
    t.codings[3].system AS alternative_2_system,
    t.codings[1].display AS display,
    'Drug' AS domain,
    coalesce(fhir_reason_of(fhir_at(t.statusReason, '$[0]'), r.reasons), fhir_reason_of(fhir_at(t.statusReason, '$[1]'), r.reasons), 'NOT_PERFORMED') AS reason,
    coalesce(
        t._rule,
        CASE
            WHEN t.status IN ('on-hold', 'unknown') THEN 'not_completed'
            WHEN t.status IS DISTINCT FROM 'not-done' THEN 'done'
            WHEN coalesce(t.effectiveDateTime, fhir_at(t.effectivePeriod, '$.start')) IS NULL THEN 'unknown_time'
        END
    ) AS _ignore
FROM told AS t
CROSS JOIN options AS o
CROSS JOIN reason AS r
